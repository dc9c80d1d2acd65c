"""Interrupt numbers, slot counts and cores of QEMU's machines agree with the emulator's own object tree."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest

from layoutplan.inputs import Chip
from layoutplan.inputs.chips.catalogue import read_chip
from layoutplan.model.access import UnitName
from tests.inputs.test_catalogue import MACHINES
from tests.toolchain import tool

FIRST_EXPANSION_INTERRUPT = 32
"""An SSE-200 or IoTKit has 32 interrupts of its own before ``EXP_IRQ`` (QEMU, hw/arm/armsse.c: ``NUM_SSE_IRQS``)."""

OUTPUTS: tuple[tuple[str, str, int], ...] = (
    (r"UART(\d)_RX", "uart{}", 1),
    (r"UART(\d)_TX", "uart{}", 0),
    (r"UART_OVERFLOW", "uart0", 2),
    (r"UART(\d)", "uart{}", 4),
    (r"(TIMER|SPI|DMA|VIRTIO)(\d)", "{}{}", 0),
    (r"DMA(\d)_ERROR", "dma{}", 1),
    (r"DMA(\d)_DONE", "dma{}", 2),
    (r"(DUALTIMER|ETHERNET|RTC)", "{}", 0),
)
"""An interrupt's name, the peripheral that raises it, and which of the device's ``sysbus-irq`` outputs it is."""


class Emulator:
    """A stopped machine, asked over QMP."""

    def __init__(self, program: str, machine: str, *options: str) -> None:
        self._process = subprocess.Popen(
            [program, "-M", machine, "-display", "none", "-nodefaults", "-S", "-qmp", "stdio", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._ask("qmp_capabilities")
        self.objects: dict[str, str] = {}
        """Path to type, of every object below ``/machine``."""
        self.links: dict[str, str] = {}
        """Path of an interrupt output to the path of the input that it is linked to."""
        self.bases: dict[int, str] = {}
        """Address of a memory region to the path of its device. Regions in a container of their own are left out."""
        self._walk("/machine")

    def _ask(self, command: str, **arguments: str) -> object:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._process.stdin.flush()
        while True:
            answer = json.loads(self._process.stdout.readline())
            if "return" in answer:
                return answer["return"]
            assert "error" not in answer, answer

    def get(self, path: str, name: str) -> object:
        return self._ask("qom-get", path=path, property=name)

    def properties(self, path: str) -> dict[str, str]:
        """The type of each property of an object."""
        rows = self._ask("qom-list", path=path)
        assert isinstance(rows, list)
        return {row["name"]: row["type"] for row in rows}

    def _walk(self, path: str) -> None:
        for name, kind in self.properties(path).items():
            below = f"{path}/{name}"
            if kind == "child<memory-region>" and str(self.get(below, "container")).endswith("/system[0]"):
                base = self.get(below, "addr")
                assert isinstance(base, int)
                self.bases[base] = path
            elif kind.startswith("child<"):
                self.objects[below] = kind.removeprefix("child<").removesuffix(">")
                self._walk(below)
            elif kind.startswith("link<irq>"):
                self.links[below] = str(self.get(path, name))

    def close(self) -> None:
        self._ask("quit")
        self._process.communicate(timeout=600)

    def device(self, chip: Chip, peripheral: str) -> str:
        """The path of the device behind a peripheral: by its address, else by its name."""
        at = self.bases.get(chip.peripheral[peripheral].base)
        if at is not None and f"{at}/sysbus-irq[0]" in self.links:
            return at
        kinds = {"ethernet": "lan9118"}
        found = [p for p, k in self.objects.items() if p.endswith(f"/{peripheral}") or k == kinds.get(peripheral)]
        found = [path for path in found if f"{path}/sysbus-irq[0]" in self.links]
        assert len(found) == 1, (peripheral, found)
        return found[0]

    def interrupt(self, output: str) -> int:
        """The number of the interrupt that an output raises, followed through gates."""
        target = self.links[output]
        expansion = re.fullmatch(r".*/EXP_IRQ\[(\d+)\]", target)
        if expansion is not None:
            return FIRST_EXPANSION_INTERRUPT + int(expansion[1])
        device, _, line = target.partition("/unnamed-gpio-in")
        if self.objects[device] in ("armv7m_nvic", "riscv.sifive.plic"):
            return int(line.strip("[]"))
        assert self.objects[device] == "or-irq"
        return self.interrupt(f"{device}/unnamed-gpio-out[0]")


@pytest.fixture(scope="module", params=MACHINES)
def machine(request: pytest.FixtureRequest) -> Iterator[tuple[Chip, Emulator]]:
    program, package, options = MACHINES[request.param]
    emulator = Emulator(tool(program, package), request.param, *options)
    yield read_chip(request.param), emulator
    emulator.close()


def test_every_interrupt_is_where_its_device_is_wired_to(machine: tuple[Chip, Emulator]) -> None:
    chip, emulator = machine
    assert chip.interrupt
    for name, number in chip.interrupt.items():
        matches = ((re.fullmatch(pattern, name), peripheral, output) for pattern, peripheral, output in OUTPUTS)
        words, peripheral, output = next((m.groups(), p, o) for m, p, o in matches if m is not None)
        device = emulator.device(chip, peripheral.format(*map(str.lower, words)))
        output = 0 if emulator.objects[device] == "serial-mm" else output
        assert emulator.interrupt(f"{device}/sysbus-irq[{output}]") == number, name


def test_the_core_and_the_slots_are_the_machines(machine: tuple[Chip, Emulator]) -> None:
    chip, emulator = machine
    (path,) = [path for path, kind in emulator.objects.items() if kind.endswith("-cpu")]
    if chip.unit.name is UnitName.PMP:
        assert emulator.objects[path] == "rv32-riscv-cpu"
        assert emulator.get(path, "pmp") is True
        return
    assert emulator.objects[path] == f"{chip.core.name.lower()}-arm-cpu"
    assert chip.core.fpu == ("vfp" in emulator.properties(path) and emulator.get(path, "vfp"))
    if chip.unit.name is UnitName.ARMV7M:
        assert emulator.get(path, "pmsav7-dregion") == chip.unit.slots
    else:
        assert emulator.get(path, "has-mpu") is True
