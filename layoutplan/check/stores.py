"""The stores of boot and of a switch, executed: which hardware slot holds which words afterwards.

The table in the image lists what is stored, not where it ends up. On PMSAv7 a pair goes to the slot that its own
RBAR names (VALID set, REGION), so a flipped bit writes somebody else's slot and leaves the intended one stale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from layoutplan.model.evidence import Finding
from layoutplan.model.plan import DISABLED, Words

Slots = Mapping[int, Words]


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One slot written: where, and the pair as it reads afterwards."""

    slot: int
    words: Words


def pmsav7_store(pair: Words, slots: int) -> Store | str:
    """The slot that storing ``pair`` to RBAR and RASR writes, or why that is not known.

    Armv7-M ARM, MPU_RBAR: with VALID set the write also sets MPU_RNR to REGION; with VALID clear the pair goes to
    whatever slot MPU_RNR selects, which the table does not say. A REGION beyond the unit is UNPREDICTABLE.
    """
    rbar, rasr = pair
    if not rbar & 0x10:
        return "VALID is clear: the pair goes to the slot that was written last"
    if rbar & 0xF >= slots:
        return f"REGION {rbar & 0xF} is beyond the unit's {slots} slots"
    return Store(slot=rbar & 0xF, words=(rbar & ~0x1F, rasr))


def execute(
    partition: str,
    boot: Sequence[Store],
    switch: Sequence[Store],
    *,
    slots: int,
    reserved: frozenset[int],
    fixed: Slots | None = None,
) -> tuple[tuple[Words, ...], Iterator[Finding]]:
    """Every slot after boot and a switch to ``partition`` from any predecessor, and what is not determined.

    A predecessor leaves arbitrary words in every slot that some switch writes; what boot wrote stays unless a switch
    overwrites it. So each slot must be written by this switch, or by boot and by no switch, or be reserved.
    """
    state: dict[int, Words] = dict(fixed or {})
    boot_slots = [store.slot for store in boot]
    switch_slots = [store.slot for store in switch]
    for store in (*boot, *switch):
        state[store.slot] = store.words
    return tuple(state.get(slot, DISABLED) for slot in range(slots)), _undetermined(
        partition, boot_slots, switch_slots, slots, reserved, frozenset(fixed or {})
    )


def _undetermined(
    partition: str,
    boot: Sequence[int],
    switch: Sequence[int],
    slots: int,
    reserved: frozenset[int],
    fixed: frozenset[int],
) -> Iterator[Finding]:
    def fault(message: str) -> Finding:
        return Finding(rule="transition", partition=partition, message=message)

    for slot in range(slots):
        by_boot, by_switch = boot.count(slot), switch.count(slot)
        if by_switch > 1 or by_boot > 1:
            yield fault(f"slot {slot} is written {max(by_boot, by_switch)} times; the last pair wins")
        if by_switch and by_boot:
            yield fault(
                f"slot {slot} is written at boot and again by the switch: others then run with this partition's pair"
            )
        if slot in reserved and (by_boot or by_switch):
            yield fault(f"slot {slot} is reserved for the kernel and is written")
        if not (by_boot or by_switch or slot in reserved or slot in fixed):
            yield fault(f"slot {slot} is never written: it keeps the words of reset or of the last partition")
