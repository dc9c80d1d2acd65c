"""The emulated machines: what to compile for, what to link with, what to run."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from tests.toolchain import ARMV6M, ARMV7EM_FPU, ARMV7M, ARMV8M, RISCV32, tool

HANGS = 600
"""Seconds after which a boot has hung. Firmware ends by itself in a few; on a busy machine, in many times that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One machine of QEMU. ``chip`` is its name in the catalogue; ``cfg`` what its build passes to rustc.

    Where devices do not take bytes, QEMU itself refuses what the PMP allows: only their first word is read. ``unit`` is
    the protection unit where it is not the chip's, ``attacker`` what probers are compiled for where that is not the
    firmware's target. A core that ``tells_faults`` says what a fault was, and where. ``smepmp``: the core has the
    extension, and manifests for it ask for it.
    """

    name: str
    chip: str
    target: str
    emulator: str
    options: tuple[str, ...]
    prefix: str
    cfg: tuple[str, ...] = ()
    linker_options: tuple[str, ...] = ()
    devices_take_bytes: bool = True
    unit: str = ""
    attacker: str = ""
    tells_faults: bool = True
    smepmp: bool = False

    @property
    def linker(self) -> str:
        return tool(f"{self.prefix}-ld", f"binutils-{self.prefix}")

    @property
    def objcopy(self) -> str:
        return tool(f"{self.prefix}-objcopy", f"binutils-{self.prefix}")

    @property
    def nm(self) -> str:
        return tool(f"{self.prefix}-nm", f"binutils-{self.prefix}")

    def run(self, elf: Path, *arguments: str, options: tuple[str, ...] = (), serial: str = "null") -> Run:
        """Boot ``elf`` and wait for it to end. Deterministic: the clock counts instructions.

        ``serial`` is where the first UART leads, ``"stdio"`` to :attr:`Run.output`.
        """
        semihosting = ",".join(f"arg={word}" for word in ("firmware", *arguments))
        command = [
            *(tool(self.emulator, self.emulator.replace("riscv32", "misc")), *self.options),
            *("-display", "none", "-monitor", "none", "-serial", serial, "-nodefaults", "-icount", "shift=0,sleep=off"),
            *("-semihosting-config", f"enable=on,target=native,{semihosting}", "-kernel", str(elf), *options),
        ]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=HANGS, check=False)
        return Run(status=result.returncode, output=result.stdout, talk=result.stderr.decode(errors="replace"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How a boot ended: exit status, what the firmware wrote, what QEMU said."""

    status: int
    output: bytes
    talk: str


AN385 = Machine(
    name="an385",
    chip="mps2-an385",
    target=ARMV7M,
    emulator="qemu-system-arm",
    options=("-M", "mps2-an385"),
    prefix="arm-none-eabi",
)

AN386 = Machine(
    name="an386",
    chip="mps2-an386",
    target=ARMV7EM_FPU,
    emulator="qemu-system-arm",
    options=("-M", "mps2-an386"),
    prefix="arm-none-eabi",
    cfg=("fpu",),
)

AN505 = Machine(
    name="an505",
    chip="mps2-an505",
    target=ARMV8M,
    emulator="qemu-system-arm",
    options=("-M", "mps2-an505"),
    prefix="arm-none-eabi",
    cfg=("armv8m",),
)

VIRT = Machine(
    name="virt",
    chip="virt",
    target=RISCV32,
    emulator="qemu-system-riscv32",
    options=("-M", "virt", "-bios", "none"),
    prefix="riscv64-unknown-elf",
    linker_options=("-melf32lriscv", "--no-relax"),
    devices_take_bytes=False,
)

ARMV6M_ON_AN385 = Machine(
    name="armv6m",
    chip="mps2-an385",
    target=ARMV6M,
    emulator="qemu-system-arm",
    options=("-M", "mps2-an385"),
    prefix="arm-none-eabi",
    cfg=("armv6m",),
    unit="armv6m",
    attacker=ARMV7M,
    tells_faults=False,
)
"""No machine of QEMU has an Armv6-M MPU. Armv7-M contains Armv6-M's instructions and registers, and its MPU the regions
that PMSAv6 can describe, so a Cortex-M3 runs the whole Armv6-M firmware. It cannot show what only Armv6-M refuses."""

VIRT_SMEPMP = replace(VIRT, name="virt-smepmp", options=(*VIRT.options, "-cpu", "rv32,x-epmp=on"), smepmp=True)

MACHINES = (ARMV6M_ON_AN385, AN385, AN386, AN505, VIRT)
ATTACKED = (*MACHINES, VIRT_SMEPMP)
"""Every machine with every way of using its unit."""
