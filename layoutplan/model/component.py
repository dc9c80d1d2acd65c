"""What the manifest asks for: components, tasks, partitions, shares, the kernel's share of memory."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from layoutplan.model.access import Access, BoundsChecks, Isolation, Kind, Trust, UnitName
from layoutplan.model.memory import Peripheral, Reserve, Target


class Role(enum.StrEnum):
    """What a run of bytes inside a block is for. Data blocks are laid out upward in the order given here."""

    TEXT = "text"
    RODATA = "rodata"
    STACK = "stack"
    DATA = "data"
    BSS = "bss"
    LINEAR_MEMORY = "linear-memory"
    HEAP = "heap"
    SHARE = "share"


LOADED = (Role.TEXT, Role.RODATA, Role.DATA)
"""What has contents before anything runs: in RAM it waits in flash for start-up to copy it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSection:
    """An allocated section of a component's object, in the order in which a linker places it. Bytes."""

    object: str
    name: str
    role: Role
    size: int
    align: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One dissolved unit. ``sections`` is empty until its sealed object was measured.

    ``memory`` gives, by kind, the memories allowed in order of preference. ``sizes`` stands instead of objects, in
    bytes by role (text, rodata, data, bss). ``selects`` are the only data sections taken from objects that another
    component names too. ``bounds_checks`` are those that the compiler says are in all of its objects.
    """

    name: str
    partition: str
    trust: Trust = Trust.VERIFIED
    objects: tuple[Path, ...] = ()
    entry: str | None = None
    exports: tuple[str, ...] = ()
    heap: int = 0
    linear_memory: int = 0
    memory: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)
    sizes: Mapping[Role, int] | None = None
    slack: int = 0
    peripherals: tuple[str, ...] = ()
    interrupts: tuple[int, ...] = ()
    accept: frozenset[str] = frozenset()
    selects: tuple[str, ...] = ()
    sections: tuple[InputSection, ...] = ()
    bounds_checks: BoundsChecks | None = None

    @property
    def linked(self) -> bool:
        """Whether the component takes part in the link; without entry and exports it is planned only."""
        return bool(self.objects) and (self.entry is not None or bool(self.exports))


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """An entry point with a stack. ``stack`` is the region's bytes, exception frame included, already rounded."""

    name: str
    component: str
    partition: str
    entry: str
    stack: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A protection domain. ``slots`` caps the regions enabled for it; ``split`` allows several regions per block."""

    name: str
    components: tuple[str, ...]
    trust: Trust
    code_private: bool
    rodata_separate: bool = False
    slots: int | None = None
    split: bool = True
    pin: Mapping[Kind, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Memory that the named partitions may touch, each with its own rights. ``size`` in bytes."""

    name: str
    size: int
    memory: str
    access: Mapping[str, Access]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """The crate being linked: least sizes in bytes, its stack, its memories, its devices, the slots it keeps."""

    code: int = 0
    data: int = 0
    bss: int = 0
    stack: int = 0
    code_memory: str = "flash"
    data_memory: str = "ram"
    reserved_slots: int = 0
    background: bool = True
    peripherals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits that turn a plan into a no. Fractions of one."""

    max_padding: float | None = None
    memories: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Everything the planner is asked, decoded and cross-checked. ``where`` locates key paths in the manifest."""

    manifest: Path
    isolation: frozenset[Isolation]
    target: Target
    kernel: Kernel
    components: tuple[Component, ...]
    tasks: tuple[Task, ...]
    partitions: tuple[Partition, ...]
    shares: tuple[Share, ...] = ()
    runtime: Component | None = None
    reserves: tuple[Reserve, ...] = ()
    peripherals: tuple[Peripheral, ...] = ()
    libraries: tuple[Path, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    move_waste: float = 0.0
    budget: Budget = field(default_factory=Budget)
    where: Mapping[str, str] = field(default_factory=dict)

    @property
    def unit(self) -> UnitName:
        """The unit that the plan uses: none when isolation by hardware is off, whatever the chip has."""
        return self.target.unit if Isolation.MPU in self.isolation else UnitName.NONE

    @property
    def smepmp(self) -> bool:
        """Whether ``mseccfg.MML`` and ``MMWP`` are set while partitions run: M-mode reaches its own entries alone."""
        return self.unit is UnitName.PMP and self.target.pmp.smepmp

    def component(self, name: str) -> Component:
        """The component of that name; ``KeyError`` when there is none."""
        for component in self.components:
            if component.name == name:
                return component
        raise KeyError(name)

    def partition(self, name: str) -> Partition:
        """The partition of that name; ``KeyError`` when there is none."""
        for partition in self.partitions:
            if partition.name == name:
                return partition
        raise KeyError(name)

    def location(self, key_path: str) -> str:
        """``layout.toml:31: component.net.stack``, or without the line where it is not known."""
        return self.where.get(key_path, f"{self.manifest.name}: {key_path}")
