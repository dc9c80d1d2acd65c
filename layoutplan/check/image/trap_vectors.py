"""Where traps enter, as far as code decides it: the base that the kernel writes to ``mtvec``, or to ``VTOR`` on Arm.

And what else the proof takes for granted of registers that code writes, as far as the code shows it.

On RISC-V nothing but a write to ``mtvec`` says where a trap goes: there has to be one, and the code has to show what
each writes. On Arm the core finds its vectors by itself; a kernel that names others must name those that are checked.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace

from layoutplan.address import AddressRange, subtract
from layoutplan.check.code import riscv, thumb
from layoutplan.check.code.constants import HELD, Code, State, Step, Value, Write, writes_of
from layoutplan.check.elf.image import SHF_EXECINSTR, ElfImage, Section
from layoutplan.check.image.code import code_ranges, functions
from layoutplan.check.image.parts import ImageParts
from layoutplan.check.switch.program import MPU_CTRL, mpu_on
from layoutplan.check.words.armv8m import MAIR0
from layoutplan.model.access import Machine, UnitName
from layoutplan.model.component import System
from layoutplan.model.evidence import Finding

RULE, CONTROL = "trap-vector", "unit-control"
MPU_MAIR0 = 0xE000_EDC0
"""Armv8-M ARM D1.2, MPU_MAIR0; MPU_MAIR1 follows."""
CAUSES = 12
"""Interrupts that the privileged ISA numbers (1.12, table 3.6): vectored mode has an entry of four bytes for each."""
_CSR = re.compile(rb"[\x73\xf3](?:.[\x20-\x3f\x50-\x5f]\x30|.[\x00-\x0f]\x18|.[\x70-\x7f]\x74)", re.DOTALL)
"""CSRRW and its like with 0x302, 0x303, 0x305, 0x180, 0x747: opcode 1110011 and any rd, its low bit aside; rs1; CSR."""
_SYSTEM_SPACE = re.compile(
    rb"\xce\xf2\x00[\x00-\x0f]"  # MOVT #0xE000
    rb"|\x4f\xf0[\xe0\x60][\x20-\x2f\x40-\x4f]"  # MOV #0xE000E000, MOV #0xE0000000
    rb"|\xe0[\x20-\x27]"  # MOVS #0xE0, to be shifted
    rb"|[\x00-\xff][\xd0-\xef]\x00\xe0",  # a literal
    re.DOTALL,
)
"""What a function has in it that makes an address of the system control space."""


def trap_vectors(system: System, image: ElfImage, parts: ImageParts) -> Iterator[Finding]:
    """Each write of a vector base that the kernel's code shows, and on RISC-V each that it does not show."""
    arm = system.target.machine is Machine.ARM
    writes = [w for section in parts.kernel for w in _written(image, section, arm=arm)]
    if arm:
        tables = [section.address for section in parts.kernel if section.name == ".vector_table"]
        for write in writes:
            if write.address == thumb.VTOR and write.value not in tables:
                message = f"`VTOR` is set to {_told(write)}, and the vectors that were checked are elsewhere"
                yield _finding(RULE, write, message)
        yield from _mpu(system, writes)
        return
    if system.unit is not UnitName.NONE and all(write.address != riscv.MTVEC for write in writes):
        yield Finding(rule=RULE, message="no code of the kernel writes `mtvec`: traps go where reset left it")
    for write in writes:
        if write.address == riscv.MTVEC and write.value != HELD:
            yield from _riscv(image, parts, write)
        elif write.address in riscv.DELEGATION and write.value != 0:
            message = f"traps are handed down to another mode: `{riscv.DELEGATION[write.address]}` is {_told(write)}"
            yield _finding(RULE, write, message)
        elif write.address == riscv.SATP and write.value != 0:
            yield _finding(CONTROL, write, f"paging is turned on: `satp` is set to {_told(write)}")
    yield from _mseccfg(system, [write for write in writes if write.address == riscv.MSECCFG])


def _mseccfg(system: System, writes: list[Write]) -> Iterator[Finding]:
    """With MML an entry is M-mode's or U-mode's by its lock, and without it both have what a locked one gives."""
    wanted = riscv.MML | riscv.MMWP if system.smepmp else 0
    for write in writes:
        if write.value != wanted:
            yield _finding(CONTROL, write, f"`mseccfg` is set to {_told(write)}, not to {wanted:#010x}")
    if system.smepmp and not writes:
        message = "no code of the kernel writes `mseccfg`: without MML its entries are everybody's"
        yield Finding(rule=CONTROL, message=message)


def _riscv(image: ElfImage, parts: ImageParts, write: Write) -> Iterator[Finding]:
    if write.value is None:
        message = "the code does not show what is written to `mtvec` here: load its address in the same function"
        yield _finding(RULE, write, message)
        return
    base, mode = write.value & ~3, write.value & 3
    entries = AddressRange.of(base, 4 * CAUSES if mode == 1 else 4)
    text = [s.range for s in parts.kernel if s.flags & SHF_EXECINSTR and image.contents(s) is not None]
    if mode > 1:
        yield _finding(RULE, write, f"`mtvec` is set to {write.value:#010x}, of which mode {mode} is reserved")
    elif not any(range_.contains(entries) for range_ in text):
        what = "a table of entries that is" if mode else "a handler that is"
        yield _finding(RULE, write, f"`mtvec` is set to {write.value:#010x}, {what} not in the kernel's code")


def _mpu(system: System, writes: list[Write]) -> Iterator[Finding]:
    """As far as the code shows it, what boot and switch write beside regions is what the proof takes for granted."""
    wanted: dict[int, tuple[str, tuple[int, ...]]] = {}
    if system.unit is not UnitName.NONE:
        wanted[MPU_CTRL] = "MPU_CTRL", (0, mpu_on(system))
    if system.unit is UnitName.ARMV8M:
        wanted |= {MPU_MAIR0: ("MPU_MAIR0", (MAIR0,)), MPU_MAIR0 + 4: ("MPU_MAIR1", (0,))}
    for write in writes:
        name, values = wanted.get(write.address or 0, ("", ()))
        if name and write.value is not None and write.value not in values:
            asked = " or ".join(f"{value:#010x}" for value in values)
            yield _finding(CONTROL, write, f"`{name}` is set to {_told(write)}, not to {asked}")


def _told(write: Write) -> str:
    return "a value that the code does not show" if write.value is None else f"{write.value:#010x}"


def _finding(rule: str, write: Write, message: str) -> Finding:
    return Finding(rule=rule, range=AddressRange.of(write.at, 4), message=message)


def _written(image: ElfImage, section: Section, *, arm: bool) -> Iterator[Write]:
    """Writes in the section's code to addresses that it shows; functions without a trace of one are not followed."""
    data = image.contents(section)
    if data is None or not section.flags & SHF_EXECINSTR:
        return
    pattern = _SYSTEM_SPACE if arm else _CSR
    found = functions(image, section)
    starts = [function.base for function in found]
    suspects: dict[int, AddressRange] = {}
    at = pattern.search(data)
    while at is not None:
        function = found[bisect_right(starts, section.address + at.start()) - 1]
        suspects[function.base] = function
        at = pattern.search(data, max(at.start() + 1, function.end - section.address))
    code = list(code_ranges(image, section))
    for function in suspects.values():
        yield from writes_of(_code(image, section, data, function, code, arm=arm))


def _code(
    image: ElfImage, section: Section, data: bytes, function: AddressRange, code: list[AddressRange], *, arm: bool
) -> Code:
    """The function's instructions; data among them is stepped over, and nothing runs into what follows it."""
    held = data[function.base - section.address : function.end - section.address]
    if arm:
        made = thumb.code_of(function.base, held, function.end, lambda address: _word(image, address))
    else:
        pointer = image.symbol("__global_pointer$")
        made = riscv.code_of(function.base, held, None if pointer is None else pointer.value)
    holes = {hole.base: hole.size for hole in subtract(function, code)}
    instruction = made.step

    def step(at: int, state: State) -> Step:
        return Step(size=holes[at], after=state, falls=False) if at in holes else instruction(at, state)

    return replace(made, step=step)


def _word(image: ElfImage, address: int) -> Value:
    words = image.words(address, 1)
    return None if words is None else words[0]
