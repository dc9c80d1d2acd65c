"""The reference plan with Smepmp, and the ways to break it that only Smepmp has.

The kernel's entries come first and are locked: its code, its data, one device. They are written out here from table 1
of Smepmp 1.0, and share nothing with the planner or the decoders.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

from layoutplan.address import AddressRange
from layoutplan.check.sabotage import reference, reference_image
from layoutplan.check.sabotage.plans import PMP, Broken, Sabotage, rewritten
from layoutplan.check.sabotage.writer import Image
from layoutplan.model.access import UnitName
from layoutplan.model.component import System
from layoutplan.model.memory import Peripheral
from layoutplan.model.plan import DISABLED, Plan, Slot, SlotMap, Words

TIMER = AddressRange.of(0x0200_0000, 0x1_0000)
STATIC = 6
SLOTS = STATIC + reference.DYNAMIC + 1
CODE, DATA, DEVICE = 1, 3, 4
"""The kernel's entries that match something, by slot; each TOR has its lower bound in the slot before it."""
_LOCK, _NAPOT, _TOR = 1 << 7, 0b11 << 3, 0b01 << 3
_RX, _RW = 0b101, 0b011


def system(of: System) -> System:
    """A core with Smepmp and twelve entries, and a timer that is the kernel's."""
    target = replace(of.target, slots=SLOTS, pmp=replace(of.target.pmp, smepmp=True))
    kernel = replace(of.kernel, peripherals=("mtimer",))
    return replace(
        of, target=target, kernel=kernel, peripherals=(*of.peripherals, Peripheral(name="mtimer", range=TIMER))
    )


def plan(of: Plan) -> Plan:
    """The kernel's entries before the dynamic ones of the plan without Smepmp."""
    lowest = {m: min(p.granted.base for p in of.placements if p.memory == m) for m in ("flash", "ram")}
    code = (reference.FLASH.base >> 2, _LOCK), (lowest["flash"] >> 2, _LOCK | _TOR | _RX)
    data = (reference.RAM.base >> 2, _LOCK), (lowest["ram"] >> 2, _LOCK | _TOR | _RW)
    device = (TIMER.base >> 2 | (TIMER.size >> 3) - 1, _LOCK | _NAPOT | _RW)
    kernel: list[Words] = [*code, *data, device]
    static = [*kernel, *[DISABLED] * (STATIC - len(kernel))]
    registers = {}
    for partition, slots in of.registers.items():
        own = [slot for slot in slots if not slot.static and not slot.reserved]
        filled = [Slot(index=index, words=words, static=True) for index, words in enumerate(static)]
        filled += [replace(slot, index=STATIC + index) for index, slot in enumerate(own)]
        registers[partition] = (*filled, Slot(index=SLOTS - 1, words=DISABLED, reserved=True))
    slot_map = SlotMap(
        first_static=0,
        static=STATIC,
        first_dynamic=STATIC,
        dynamic=reference.DYNAMIC,
        first_reserved=SLOTS - 1,
        reserved=1,
    )
    return replace(of, slots=slot_map, registers=registers)


def image(*, mseccfg: int | None = 0b11) -> Image:
    """The image of the plan, whose kernel writes ``mseccfg``, or does not."""
    made = reference_image.image(UnitName.PMP, plan(reference.plan(UnitName.PMP)))
    if mseccfg is not None:
        write = struct.pack("<II", mseccfg << 20 | 10 << 7 | 0x13, 0x747 << 20 | 10 << 15 | 1 << 12 | 0x73)  # LI, CSRW
        text, at = made.piece(".text"), reference_image.SET_VECTORS + 12
        text.data = text.data[:at] + write + text.data[at + len(write) :]
    return made


def _everywhere(slot: int, change: Callable[[Words], Words]) -> Callable[[System, Plan], Broken]:
    """A static slot, which all partitions have alike."""

    def breaks(given: System, good: Plan) -> Broken:
        broken = plan(good)
        for partition in reference.PARTITIONS:
            broken = rewritten(broken, partition, slot, change)
        return system(given), broken

    return breaks


def _in(partition: str, owner: str, change: Callable[[Words], Words]) -> Callable[[System, Plan], Broken]:
    return lambda given, good: (system(given), rewritten(plan(good), partition, owner, change))


def _rights(bits: int) -> Callable[[Words], Words]:
    """L, X, W and R anew; the mode stays."""
    return lambda words: (words[0], words[1] & ~0x87 | bits)


def _ends(offset: int) -> Callable[[Words], Words]:
    return lambda words: (words[0] + (offset >> 2), words[1])


def _not_smepmp(given: System, good: Plan) -> Broken:
    """The kernel's entries on a core where MML is clear: the lock binds M-mode, and the rights are U-mode's too."""
    asked = system(given)
    return replace(asked, target=replace(asked.target, pmp=replace(asked.target.pmp, smepmp=False))), plan(good)


def _granted_too(given: System, good: Plan) -> Broken:
    """The manifest leaves a device to the kernel that it grants to a partition."""
    asked = system(given)
    kernel = replace(asked.kernel, peripherals=("mtimer", "timer"))
    return replace(asked, kernel=kernel), plan(good)


_KERNEL_CODE = AddressRange.of(reference.FLASH.base, 0x1000)
_KERNEL_CODE_END = AddressRange.of(reference.plan(UnitName.PMP).placement("uart.code").granted.base - 4, 4)
_KERNEL_DATA = AddressRange.of(reference.RAM.base, 0x1000)

LOCKDOWN: tuple[Sabotage, ...] = (
    Sabotage(
        name="Smepmp: no entry for the kernel's code",
        rule="kernel-access",
        partition="uart",
        units=PMP,
        breaks=_everywhere(CODE, lambda _: DISABLED),
        touching=_KERNEL_CODE,
    ),
    Sabotage(
        name="Smepmp: no entry for the kernel's data",
        rule="kernel-access",
        partition="uart",
        units=PMP,
        breaks=_everywhere(DATA, lambda _: DISABLED),
        touching=_KERNEL_DATA,
    ),
    Sabotage(
        name="Smepmp: no entry for the kernel's device",
        rule="kernel-access",
        partition="uart",
        units=PMP,
        breaks=_everywhere(DEVICE, lambda _: DISABLED),
        touching=TIMER,
    ),
    Sabotage(
        name="Smepmp: the kernel's code ends too early",
        rule="kernel-access",
        partition="uart",
        units=PMP,
        breaks=_everywhere(CODE, _ends(-4)),
        touching=_KERNEL_CODE_END,
    ),
    Sabotage(
        name="Smepmp: the kernel's code cannot be executed",
        rule="kernel-access",
        partition="uart",
        units=PMP,
        breaks=_everywhere(CODE, _rights(_LOCK | 0b001)),
        touching=_KERNEL_CODE,
    ),
    Sabotage(
        name="Smepmp: the kernel's data cannot be written",
        rule="kernel-access",
        partition="uart",
        units=PMP,
        breaks=_everywhere(DATA, _rights(_LOCK | 0b001)),
        touching=_KERNEL_DATA,
    ),
    Sabotage(
        name="Smepmp: the kernel's data not locked",
        rule="isolation",
        partition="uart",
        units=PMP,
        breaks=_everywhere(DATA, _rights(_RW)),
        touching=_KERNEL_DATA,
    ),
    Sabotage(
        name="Smepmp: locked, and U-mode may execute (L, W)",
        rule="isolation",
        partition="uart",
        units=PMP,
        breaks=_everywhere(DATA, _rights(_LOCK | 0b010)),
        touching=_KERNEL_DATA,
    ),
    Sabotage(
        name="Smepmp: locked, and U-mode may execute (L, W, X)",
        rule="isolation",
        partition="uart",
        units=PMP,
        breaks=_everywhere(CODE, _rights(_LOCK | 0b110)),
        touching=_KERNEL_CODE,
    ),
    Sabotage(
        name="Smepmp: locked, and U-mode may read (L, R, W, X)",
        rule="isolation",
        partition="uart",
        units=PMP,
        breaks=_everywhere(DATA, _rights(_LOCK | 0b111)),
        touching=_KERNEL_DATA,
    ),
    Sabotage(
        name="Smepmp: the kernel's code reaches a partition's",
        rule="kernel-confined",
        partition="uart",
        units=PMP,
        breaks=_everywhere(CODE, _ends(4)),
        touching="uart.code",
    ),
    Sabotage(
        name="Smepmp: the kernel's device twice as large",
        rule="kernel-confined",
        partition="uart",
        units=PMP,
        breaks=_everywhere(DEVICE, lambda words: (words[0] | TIMER.size >> 3, words[1])),
        touching=AddressRange.of(TIMER.end, TIMER.size),
        alone=True,
    ),
    Sabotage(
        name="Smepmp: one entry of the kernel's over all of RAM",
        rule="kernel-confined",
        partition="uart",
        units=PMP,
        breaks=_everywhere(
            STATIC - 1, lambda _: (reference.RAM.base >> 2 | (reference.RAM.size >> 3) - 1, _LOCK | _NAPOT | _RW)
        ),
        touching="uart.data",
    ),
    Sabotage(
        name="Smepmp: shared with the kernel, U-mode writes (W, X)",
        rule="kernel-confined",
        partition="uart",
        units=PMP,
        breaks=_in("uart", "uart.data", _rights(0b110)),
        touching="uart.data",
        alone=True,
    ),
    Sabotage(
        name="Smepmp: shared with the kernel, U-mode reads (W)",
        rule="kernel-confined",
        partition="mixer",
        units=PMP,
        breaks=_in("mixer", "mixer.rodata", _rights(0b010)),
        touching="mixer.rodata",
        alone=True,
    ),
    Sabotage(
        name="Smepmp: a partition's data locked",
        rule="static-slots",
        partition="uart",
        units=PMP,
        breaks=_in("uart", "uart.data", _rights(_LOCK | _RW)),
    ),
    Sabotage(
        name="Smepmp: a partition's code writable",
        rule="write-xor-execute",
        partition="uart",
        units=PMP,
        breaks=_in("uart", "uart.code", _rights(0b111)),
        touching="uart.code",
    ),
    Sabotage(
        name="Smepmp: the same entries with MML clear",
        rule="isolation",
        partition="uart",
        units=PMP,
        breaks=_not_smepmp,
        touching=_KERNEL_CODE,
    ),
    Sabotage(
        name="Smepmp: the kernel's device granted",
        rule="peripheral",
        partition="mixer",
        units=PMP,
        breaks=_granted_too,
        touching=reference.TIMER,
    ),
)
