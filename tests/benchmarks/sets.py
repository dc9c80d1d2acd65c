"""Systems to measure on: the ten tasks, and random sets from printed seeds."""

from __future__ import annotations

import math
import random
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from layoutplan.address import AddressRange, next_power_of_two
from layoutplan.model.access import Access, Isolation, Trust, UnitName
from layoutplan.model.component import Component, Kernel, Partition, Role, System, Task
from layoutplan.model.memory import Memory, MemoryType, Peripheral, PmpTraits, Target

FLASH = Memory(
    name="flash",
    range=AddressRange.of(0x0800_0000, 1 << 20),
    access=Access.RX,
    type=MemoryType.NORMAL_WRITE_THROUGH,
)
RAM = Memory(
    name="ram",
    range=AddressRange.of(0x2000_0000, 256 << 10),
    access=Access.RW,
    type=MemoryType.NORMAL_WRITE_BACK,
)
PERIPHERALS = 0x4000_0000
PERIPHERAL_SIZE = 0x400
LEAST_PLACES = 64
"""Places on the peripheral bus, as a middling microcontroller has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one task asks for: bytes of flash and of RAM, slots for peripherals, of the RAM a stack that is not cut."""

    name: str
    flash: int
    ram: int
    peripherals: int = 0
    stack: int = 0


def system(
    tasks: list[Asked],
    *,
    slots: int = 8,
    reserved: int = 1,
    cap: int | None = None,
    kernel: Kernel | None = None,
    weights: dict[str, float] | None = None,
    unit: UnitName = UnitName.ARMV7M,
    pmp: PmpTraits | None = None,
    memories: tuple[Memory, ...] = (FLASH, RAM),
    isolated: bool = True,
) -> System:
    """One partition a task: private code in flash, zeroed data in RAM. ``cap`` bounds the slots of each."""
    components: list[Component] = []
    partitions: list[Partition] = []
    peripherals: list[Peripheral] = []
    stacks: list[Task] = []
    # One task's peripherals lie anywhere on the bus, as on a chip: neighbours are 5/8 of it apart, one more or less.
    places = next_power_of_two(max(LEAST_PLACES, sum(asked.peripherals for asked in tasks)))
    scatter = places * 5 // 8 + 1
    for asked in tasks:
        own = []
        for _ in range(asked.peripherals):
            name = f"p{len(peripherals)}"
            place = PERIPHERALS + len(peripherals) * scatter % places * PERIPHERAL_SIZE
            peripherals.append(Peripheral(name=name, range=AddressRange.of(place, PERIPHERAL_SIZE)))
            own.append(name)
        sizes = {Role.TEXT: asked.flash, Role.BSS: asked.ram - asked.stack}
        components.append(
            Component(
                name=asked.name,
                partition=asked.name,
                sizes={role: size for role, size in sizes.items() if size},
                peripherals=tuple(own),
            )
        )
        if asked.stack:
            task = Task(
                name=asked.name, component=asked.name, partition=asked.name, entry=asked.name, stack=asked.stack
            )
            stacks.append(task)
        partitions.append(
            Partition(name=asked.name, components=(asked.name,), trust=Trust.UNTRUSTED, code_private=True, slots=cap)
        )
    return System(
        manifest=Path("layout.toml"),
        isolation=frozenset({Isolation.MPU}) if isolated else frozenset(),
        target=Target(unit=unit, slots=slots, memories=memories, pmp=pmp or PmpTraits()),
        kernel=kernel or Kernel(reserved_slots=reserved),
        components=tuple(components),
        tasks=tuple(stacks),
        partitions=tuple(partitions),
        peripherals=tuple(peripherals),
        weights=weights or {},
    )


def ten_tasks() -> tuple[list[Asked], Kernel, int]:
    """The tasks of ``ten_tasks.toml``, its kernel, and its slots."""
    data = tomllib.loads((Path(__file__).parent / "ten_tasks.toml").read_text())
    tasks = [
        Asked(name=name, flash=flash, ram=ram, peripherals=count) for name, (flash, ram, count) in data["tasks"].items()
    ]
    target = data["target"]
    kernel = Kernel(code=data["kernel"]["flash"], bss=data["kernel"]["ram"], reserved_slots=target["reserved-slots"])
    return tasks, kernel, target["slots"]


def log_uniform(source: random.Random, low: int, high: int) -> int:
    """A whole number whose logarithm is uniform between those of ``low`` and ``high``."""
    return round(math.exp(source.uniform(math.log(low), math.log(high))))


def random_tasks(seed: int, count: int | None = None) -> list[Asked]:
    """6 to 24 tasks (or ``count``): flash 128 B to 38 KB, RAM 64 B to 8 KB, log-uniform, 0 to 4 peripherals."""
    source = random.Random(seed)
    return [
        Asked(
            name=f"t{index:03}",
            flash=log_uniform(source, 128, 38 << 10),
            ram=log_uniform(source, 64, 8 << 10),
            peripherals=source.randint(0, 4),
        )
        for index in range(count if count is not None else source.randint(6, 24))
    ]


def single_tasks(seed: int, count: int) -> list[Asked]:
    """``count`` blocks of flash alone, 128 B to 16 KB, log-uniform."""
    source = random.Random(seed)
    return [Asked(name=f"t{index:03}", flash=log_uniform(source, 1 << 7, 1 << 14), ram=0) for index in range(count)]


def with_stacks(tasks: list[Asked]) -> list[Asked]:
    """The same tasks with a quarter of each one's RAM, rounded to eight, a stack that no region boundary may cut."""
    return [replace(task, stack=task.ram // 4 // 8 * 8) for task in tasks]
