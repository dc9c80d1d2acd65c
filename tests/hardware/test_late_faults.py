"""Stores that the bus refuses late. QEMU has no write buffer, so the kernel's code is looked at instead."""

from __future__ import annotations

import subprocess

import pytest

from tests.hardware.build import image
from tests.hardware.machines import AN385, AN505, Machine
from tests.hardware.manifests import QUARTET, quartet
from tests.toolchain import tool


@pytest.mark.parametrize("machine", [AN385, AN505], ids=lambda machine: str(machine.name))
def test_the_fault_status_is_asked_for_behind_a_barrier(machine: Machine) -> None:
    """Else a store that is under way is refused when the next partition runs, which is then blamed for it.

    The exception's number is read between barrier and status.
    """
    objdump = tool(f"{machine.prefix}-objdump", f"binutils-{machine.prefix}")
    elf = image(machine, quartet(machine), QUARTET).elf
    listing = subprocess.run([objdump, "-d", "--no-show-raw-insn", elf], capture_output=True, text=True, check=True)
    instructions = [line.split("\t")[1:] for line in listing.stdout.splitlines() if line.count("\t") >= 1]
    asked = [number for number, words in enumerate(instructions) if words[0].strip() == "mrs" and "IPSR" in words[-1]]
    assert asked
    assert {instructions[number - 1][0].strip() for number in asked} == {"dsb"}
