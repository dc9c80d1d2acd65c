"""Manifests of attacked images. ``${name}`` stands for the sealed prober of that component."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.hardware.machines import Machine

QUARTET = ("alpha", "bravo", "carol", "delta")


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """A device with its interrupt, a timer where that can be, and another device."""

    timer: str
    interrupt: int
    uart: str


MPS2 = Devices(timer="timer0", interrupt=8, uart="uart0")
SSE200 = Devices(timer="timer0", interrupt=3, uart="uart0")
RISCV_VIRT = Devices(timer="uart0", interrupt=10, uart="rtc")
DEVICES = {
    "armv6m": MPS2,
    "an385": MPS2,
    "an386": MPS2,
    "an505": SSE200,
    "virt": RISCV_VIRT,
    "virt-smepmp": RISCV_VIRT,
}

KERNEL_DEVICES = """
[peripheral.plic]
base = 0x0C00_0000
size = "4M"
"""
"""What of the PLIC one hart needs, in one entry."""


def target(machine: Machine) -> str:
    """The chip, and the unit as the machine's core has it."""
    unit = f'unit = "{machine.unit}"\n' if machine.unit else ""
    smepmp = "pmp = { smepmp = true }\n" if machine.smepmp else ""
    return f'[target]\nchip = "{machine.chip}"\n{unit}{smepmp}'


def kernel(machine: Machine, sizes: str) -> str:
    """The kernel's table, with its devices where it reaches none without a word."""
    table = f"[kernel]\nsizes = {sizes}\n"
    return table + f'peripherals = ["clint", "plic"]\n{KERNEL_DEVICES}' if machine.smepmp else table


def quartet(machine: Machine, *, isolation: str = "mpu") -> str:
    """Two partitions that share code, two of their own, a share, two devices; odd sizes, so that covers differ."""
    devices = DEVICES[machine.name]
    accept = 'accept = ["no-isolation"]' if isolation == "none" else ""
    return f"""
manifest-version = 1
isolation = "{isolation}"

{target(machine)}
[component.alpha]
objects = ["${{alpha}}"]
entry = "alpha_main"
stack = 400
heap = 900

[component.bravo]
objects = ["${{bravo}}"]
entry = "bravo_main"
stack = 512
peripherals = ["{devices.timer}"]
interrupts = [{devices.interrupt}]

[component.carol]
objects = ["${{carol}}"]
entry = "carol_main"
stack = 512
trust = "untrusted"
peripherals = ["{devices.uart}"]
{accept}

[component.delta]
objects = ["${{delta}}"]
entry = "delta_main"
stack = 600
heap = 3000
trust = "untrusted"
{accept}

[shared.ring]
size = 512
access = {{ carol = "rw", alpha = "r" }}

{kernel(machine, '{ bss = "320K" }')}"""


def with_static(machine: Machine) -> str:
    """The quartet, and a share that everybody may read: its region stands in a static slot, written at boot."""
    access = ", ".join(f'{name} = "r"' for name in QUARTET)
    return quartet(machine) + f"\n[shared.notice]\nsize = 256\naccess = {{ {access} }}\n"


def with_twins(machine: Machine) -> str:
    """The quartet, two of it alike in all but their addresses."""
    alike = 'stack = 512\ntrust = "untrusted"\n'
    parts = quartet(machine).split("\n\n")
    bravo, delta = (next(part for part in parts if f"[component.{name}]" in part) for name in ("bravo", "delta"))
    first = "\n".join(bravo.splitlines()[:3]) + "\n" + alike
    return quartet(machine).replace(bravo, first).replace(delta, first.replace("bravo", "delta"))


def with_more_slots(machine: Machine) -> str:
    """The quartet, with shares between two of it: more dynamic slots than one bank or one ``pmpcfg`` word holds."""
    shares = (f'\n[shared.more{number}]\nsize = 256\naccess = {{ carol = "rw", alpha = "r" }}\n' for number in range(2))
    return quartet(machine) + "".join(shares)


def generated(machine: Machine, seed: int) -> tuple[str, tuple[str, ...]]:
    """A manifest of any shape that the probers can fill, and its components; the same one for the same seed."""
    dice = random.Random(seed)
    names = QUARTET[: dice.randint(2, 4)]
    devices = DEVICES[machine.name]
    text = f'manifest-version = 1\nisolation = "mpu"\n\n{target(machine)}\n'
    text += f'[defaults]\ncode = "{dice.choice(("shared", "private"))}"\n'
    text += f'rodata = "{dice.choice(("with-code", "separate"))}"\n\n'
    text += kernel(machine, '{ bss = "384K" }')
    holders = {devices.timer: dice.choice(names), devices.uart: dice.choice(names)}
    for name in names:
        text += f'\n[component.{name}]\nobjects = ["${{{name}}}"]\nentry = "{name}_main"\n'
        text += f"stack = {dice.randint(300, 1500)}\nheap = {round(2 ** dice.uniform(0, 13)) - 1}\n"
        text += f'trust = "{dice.choice(("verified", "untrusted"))}"\n'
        held = [device for device, holder in holders.items() if holder == name and dice.random() < 0.7]
        text += f"peripherals = {held}\n".replace("'", '"')
    for number in range(dice.randint(0, 2)):
        members = dice.sample(names, dice.randint(2, len(names)))
        access = ", ".join(f'{member} = "{dice.choice(("r", "rw"))}"' for member in members)
        text += f"\n[shared.s{number}]\nsize = {round(2 ** dice.uniform(5, 11))}\naccess = {{ {access} }}\n"
    return text, names
