"""Smepmp: whether the core has it, and whether entries can describe what is the kernel's.

With ``mseccfg.MML`` and ``MMWP`` M-mode reaches what an entry of its own gives it and nothing else (RISC-V Privileged
Architecture, Smepmp 1.0, table 1): the kernel's code, its data, and the devices that ``[kernel] peripherals`` lists.
"""

from __future__ import annotations

from layoutplan.address import AddressRange
from layoutplan.inputs.chips.catalogue import Chip
from layoutplan.inputs.faults import Faults
from layoutplan.inputs.location import KeyPath
from layoutplan.model.access import UnitName
from layoutplan.model.component import System

AT: KeyPath = ("target", "pmp", "smepmp")
LEAVE_OUT = "leave `smepmp` out: M-mode then reaches what no locked entry matches"


def check_smepmp(system: System, chip: Chip | None, faults: Faults) -> None:
    """Add one fault for each reason why the kernel cannot have entries of its own. What the unit is was told before."""
    pmp, kernel = system.target.pmp, system.kernel
    if not pmp.smepmp or system.target.unit is not UnitName.PMP:
        return
    if chip is not None and (chip.pmp is None or not chip.pmp.smepmp):
        text = f"`{chip.name}` has no Smepmp, as far as the chip catalogue knows"
        faults.add("smepmp", AT, text, LEAVE_OUT)
    if "tor" not in pmp.modes:
        # Where the kernel ends is where the lowest block begins: any multiple of the grain.
        text = "Smepmp: without TOR no entry ends where the kernel's memory does"
        faults.add("smepmp", AT, text, LEAVE_OUT)
    if any(entry.hardwired for entry in pmp.fixed):
        # MML reads every entry anew: one that gave U-mode rights may be M-mode's, or nobody's.
        text = "Smepmp gives hard-wired and locked entries another meaning, which no plan here accounts for"
        faults.add("smepmp", AT, text, LEAVE_OUT)
    if kernel.code_memory == kernel.data_memory:
        text = f"Smepmp: the kernel's code and data are both in `{kernel.code_memory}`, and no entry of M-mode is rwx"
        faults.add("smepmp", AT, text, "give the kernel two memories")
        return
    _on_the_grain(system, faults)


def _on_the_grain(system: System, faults: Faults) -> None:
    own: list[tuple[str, KeyPath, AddressRange]] = [
        (f"memory `{memory.name}`", ("memory", memory.name), memory.range)
        for memory in system.target.memories
        if memory.name in (system.kernel.code_memory, system.kernel.data_memory)
    ]
    own += [(f"the reserve in `{r.memory}`", ("reserve", i), r.range) for i, r in enumerate(system.reserves)]
    own += [
        (
            f"the kernel's peripheral `{p.name}`",
            ("kernel", "peripherals", system.kernel.peripherals.index(p.name)),
            p.range,
        )
        for p in system.peripherals
        if p.name in system.kernel.peripherals
    ]
    grain = system.target.pmp.grain
    for what, at, range_ in own:
        if (range_.base | range_.end) % grain:
            text = f"Smepmp: {what} {range_} does not begin and end at multiples of the grain of {grain} bytes"
            faults.add("smepmp", at, text, "widen or shorten it: no entry of the kernel's could match exactly it")
