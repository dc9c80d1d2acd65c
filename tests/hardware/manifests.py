"""Manifests of attacked images. ``${name}`` stands for the sealed prober of that component."""

from __future__ import annotations

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
DEVICES = {"an385": MPS2, "an386": MPS2, "an505": SSE200, "virt": RISCV_VIRT}


def quartet(machine: Machine, *, isolation: str = "mpu") -> str:
    """Two partitions that share code, two of their own, a share, two devices; odd sizes, so that covers differ."""
    devices = DEVICES[machine.name]
    accept = 'accept = ["no-isolation"]' if isolation == "none" else ""
    return f"""
manifest-version = 1
isolation = "{isolation}"

[target]
chip = "{machine.chip}"

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

[kernel]
sizes = {{ bss = "320K" }}
"""
