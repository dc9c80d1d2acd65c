"""Obligation 5 as SMT-LIB text: the stores of a switch, from a predecessor whose registers are free variables.

Each store makes the next state; where a store goes is computed from the stored word by the manual's rule, not by the
planner's intention. The invariant is asserted: slots that no switch writes hold their boot words, and no other PMP
entry is locked. The question is whether any register can differ from the words that the other obligations speak of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from layoutplan.check.proof.script import Query, word
from layoutplan.check.switch.program import MPU_CTRL, MPU_RBAR, MPU_RNR, PMPADDR0, PMPCFG0, Step, Store
from layoutplan.model.access import UnitName
from layoutplan.model.plan import Words


def transition(
    unit: UnitName, partition: str, program: Sequence[Step], kept: Mapping[int, Words], after: Sequence[Words]
) -> tuple[str, Query]:
    """Definitions of the states after each store, and the question. ``kept`` is the invariant, by slot."""
    writer = _Writer(unit, partition, len(after))
    for step in program:
        if isinstance(step, Store):
            writer.store(step.address, step.value)
    first = f"{partition}.0"
    invariant = [
        f"(= pre.{half}.{slot}.{first} {word(pair[index])})"
        for slot, pair in kept.items()
        for index, half in enumerate("lh")
    ]
    if unit is UnitName.PMP:
        invariant += [f"(not {_locked(f'pre.h.{slot}.{first}')})" for slot in range(len(after)) if slot not in kept]
    result = [
        f"(= {writer.name(half, slot)} {word(pair[index])})"
        for slot, pair in enumerate(after)
        for index, half in enumerate("lh")
    ]
    # The control expects a register with one bit inverted: that must be refuted by a counterexample.
    wrong = [f"(= {writer.name('l', 0)} {word(after[0][0] ^ 1)})", *result[1:]]
    assumed = " ".join(invariant)
    return "\n".join(writer.lines) + "\n", Query(
        rule="transition",
        partition=partition,
        asserted=f"(and true {assumed} (not (and true {' '.join(result)})))",
        control=f"(and true {assumed} (not (and true {' '.join(wrong)})))",
    )


def _locked(config: str) -> str:
    """``pmpcfg.L`` of an entry's byte."""
    return f"(= ((_ extract 7 7) {config}) #b1)"


class _Writer:
    """State ``n`` of slot ``i`` is ``l.i.n`` (RBAR, pmpaddr) and ``h.i.n`` (RASR, RLAR, pmpcfg)."""

    def __init__(self, unit: UnitName, partition: str, slots: int) -> None:
        self.lines = [f"(declare-const pre.{half}.{slot}.{partition}.0 Word)" for slot in range(slots) for half in "lh"]
        self.lines.append(f"(declare-const rnr.{partition}.0 Word)")
        self._unit, self._partition, self._slots = unit, partition, slots
        self._names = {(half, slot): f"pre.{half}.{slot}.{partition}.0" for slot in range(slots) for half in "lh"}
        self._selected = f"rnr.{partition}.0"
        self._step = 0

    def name(self, half: str, slot: int) -> str:
        """The register after the last store."""
        return self._names[half, slot]

    def store(self, address: int, value: int) -> None:
        """One more store."""
        self._step += 1
        if self._unit is UnitName.PMP:
            self._csr(address, value)
        elif address == MPU_RNR:
            self._select(word(value))
        elif address != MPU_CTRL:
            alias, half = divmod(address - MPU_RBAR, 8)
            self._pair(alias, half // 4, value)

    def _select(self, value: str) -> None:
        name = f"rnr.{self._partition}.{self._step}"
        self.lines.append(f"(define-fun {name} () Word {value})")
        self._selected = name

    def _pair(self, alias: int, half: int, value: int) -> None:
        if self._unit is UnitName.ARMV8M:
            selected = self._selected
            slot = selected if alias == 0 else f"(bvor (bvand {selected} {word(~3)}) {word(alias)})"
            written = word(value)
        else:
            if half == 0:
                # RBAR: VALID set takes REGION and selects it; else the slot that MPU_RNR selects.
                stored, low = word(value), word(0xF)
                self._select(f"(ite (= ((_ extract 4 4) {stored}) #b1) (bvand {stored} {low}) {self._selected})")
            slot = self._selected
            written = word(value & ~0x1F) if half == 0 else word(value)
        self._write("lh"[half], slot, written)

    def _csr(self, number: int, value: int) -> None:
        """A locked entry keeps what it has, and so does the lower bound of a locked TOR (Privileged 1.12, 3.7.1)."""
        if number >= PMPADDR0:
            self._write("l", word(number - PMPADDR0), word(value), [self._held(slot) for slot in range(self._slots)])
            return
        for byte in range(4):
            held = [_locked(self._names["h", slot]) for slot in range(self._slots)]
            self._write("h", word(4 * (number - PMPCFG0) + byte), word(value >> 8 * byte & 0xFF), held)

    def _held(self, slot: int) -> str:
        own = _locked(self._names["h", slot])
        if slot + 1 == self._slots:
            return own
        above = self._names["h", slot + 1]
        return f"(or {own} (and {_locked(above)} (= ((_ extract 4 3) {above}) #b01)))"

    def _write(self, half: str, slot: str, value: str, held: Sequence[str] = ()) -> None:
        for index in range(self._slots):
            before = self._names[half, index]
            name = f"{half}.{index}.{self._partition}.{len(self.lines)}"
            written = f"(= {slot} {word(index)})"
            if held:
                written = f"(and {written} (not {held[index]}))"
            self.lines.append(f"(define-fun {name} () Word (ite {written} {value} {before}))")
            self._names[half, index] = name
