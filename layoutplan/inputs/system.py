"""Turns the manifest's tables into the model, filling in defaults. What contradicts itself is the cross-check's."""

from __future__ import annotations

from pathlib import Path

from msgspec import UNSET, UnsetType

from layoutplan.address import ADDRESS_SPACE_END, AddressRange, align_up, hexadecimal
from layoutplan.inputs.aliases import physical
from layoutplan.inputs.chips.catalogue import Chip
from layoutplan.inputs.exports import every_export
from layoutplan.inputs.faults import Faults, nearest
from layoutplan.inputs.location import KeyPath, Locations
from layoutplan.inputs.paths import Paths
from layoutplan.inputs.placement import Memories
from layoutplan.inputs.quantities import fraction_of, size_of
from layoutplan.inputs.schema import ComponentTable, ManifestTable, RuntimeTable
from layoutplan.inputs.svd import Svd
from layoutplan.model.access import Access, Isolation, Kind, Machine, Trust
from layoutplan.model.component import (
    Budget,
    Component,
    Kernel,
    Partition,
    Role,
    Share,
    System,
    Task,
)
from layoutplan.model.memory import Peripheral, Reserve, Target

FRAME = 40
FRAME_WITH_FPU = 112
"""Bytes that exception entry pushes onto the running stack: 8 words, or 26 with the FP registers, and up to 8 bytes
to align it (Armv7-M Architecture Reference Manual: stack alignment on exception entry)."""


def stack_bytes(asked: int, target: Target) -> int:
    """A task's stack with the exception frame, rounded as the procedure call standard asks."""
    if target.machine is Machine.RISCV:
        return align_up(asked, 16)
    return align_up(asked, 8) + (FRAME_WITH_FPU if target.fpu else FRAME)


class _Builder:
    def __init__(
        self, manifest: ManifestTable, target: Target, chip: Chip | None, svd: Svd, paths: Paths, faults: Faults
    ) -> None:
        self.manifest = manifest
        self.target = target
        self.svd = svd
        self.interrupts = {**svd.interrupts, **(chip.interrupt if chip is not None else {})}
        self.paths = paths
        self.faults = faults
        self.memories = Memories(target, faults)

    def isolation(self) -> frozenset[Isolation]:
        given = self.manifest.isolation
        words = {given} if isinstance(given, str) else set(given)
        if "none" in words and len(words) > 1:
            self.faults.add(
                "contradiction",
                ["isolation"],
                '"none" stands beside other kinds of isolation',
                'keep "none", or leave it out',
            )
        return frozenset(Isolation.MPU if word in ("mpu", "pmp") else Isolation(word) for word in words - {"none"})

    def kernel(self) -> Kernel:
        table = self.manifest.kernel
        return Kernel(
            code=size_of(table.sizes.code),
            data=size_of(table.sizes.data),
            bss=size_of(table.sizes.bss),
            stack=align_up(size_of(table.stack), 8 if self.target.machine is Machine.ARM else 16),
            code_memory=self._memory(table.memory.code, Kind.CODE, ("kernel", "memory", "code")),
            data_memory=self._memory(table.memory.data, Kind.DATA, ("kernel", "memory", "data")),
            reserved_slots=table.reserved_slots,
            background=table.background == "privileged",
            peripherals=tuple(dict.fromkeys(table.peripherals)),
        )

    def _memory(self, named: str | UnsetType, kind: Kind, at: KeyPath) -> str:
        """The memory's name; an empty one after a fault."""
        if named is UNSET:
            return self.memories.default(kind, at) or ""
        return self.memories.named(named, kind, at) or ""

    def component(self, name: str) -> Component:
        table = self.manifest.component[name]
        at: KeyPath = ("component", name)
        objects = self._objects(table.objects, at)
        return Component(
            name=name,
            partition=name if table.partition is UNSET else table.partition,
            trust=Trust(table.trust),
            objects=objects,
            entry=None if table.entry is UNSET else table.entry,
            exports=self._exports(name, table, objects),
            heap=size_of(table.heap),
            linear_memory=size_of(table.linear_memory),
            memory=self._memories(table, at),
            sizes=_sizes(table),
            slack=size_of(table.slack),
            peripherals=tuple(dict.fromkeys(table.peripherals)),
            interrupts=self._interrupts(table, at),
            accept=frozenset(table.accept),
            selects=tuple(dict.fromkeys(table.sections)),
        )

    def _exports(self, name: str, table: ComponentTable, objects: tuple[Path, ...]) -> tuple[str, ...]:
        """What others may call, and the entries of further tasks, which the table of entries names at link time."""
        entries = [task.entry for task in self.manifest.task.values() if task.component == name]
        exports = every_export(table.exports, objects, entry=None if table.entry is UNSET else table.entry)
        return tuple(dict.fromkeys([*exports, *sorted(entry for entry in entries if entry != table.entry)]))

    def _objects(self, written: list[str], at: KeyPath) -> tuple[Path, ...]:
        found = []
        for number, text in enumerate(written):
            where = (*at, "objects", number)
            path = self.paths.resolve(text, where)
            if path in found:
                self.faults.add("duplicate", where, f"`{text}` is listed twice", "each object is linked once")
            elif path is not None:
                found.append(path)
        return tuple(found)

    def _memories(self, table: ComponentTable, at: KeyPath) -> dict[Kind, tuple[str, ...]]:
        by_kind: dict[Kind, tuple[str, ...]] = {}
        code: tuple[str, ...] = ()
        for kind, given in (
            (Kind.CODE, table.memory.code),
            (Kind.RODATA, table.memory.rodata),
            (Kind.DATA, table.memory.data),
        ):
            where = (*at, "memory", kind.value)
            if given is not UNSET:
                names = [given] if isinstance(given, str) else given
                found = [self.memories.named(name, kind, where) for name in dict.fromkeys(names)]
                by_kind[kind] = tuple(name for name in found if name is not None)
            elif kind is Kind.RODATA:
                by_kind[kind] = code  # constants go with the code that reads them
            else:
                usual = self.memories.default(kind, where)
                by_kind[kind] = () if usual is None else (usual,)
            code = by_kind[Kind.CODE]
        return by_kind

    def _interrupts(self, table: ComponentTable, at: KeyPath) -> tuple[int, ...]:
        numbers: list[int] = []
        known = self.interrupts
        for index, given in enumerate(table.interrupts):
            where = (*at, "interrupts", index)
            if isinstance(given, str) and given not in known:
                hint = nearest(given, known) if known else "give its number: the target has no list of names"
                self.faults.add("unknown-interrupt", where, f"there is no interrupt `{given}`", hint)
                continue
            number = known[given] if isinstance(given, str) else given
            if number in numbers:
                self.faults.add("duplicate", where, f"interrupt {number} is listed twice", "list it once")
            else:
                numbers.append(number)
        return tuple(numbers)

    def runtime(self) -> Component | None:
        table = self.manifest.runtime
        if not isinstance(table, RuntimeTable):
            return None
        at: KeyPath = ("runtime",)
        code = self.memories.default(Kind.CODE, at)
        objects = self._objects(table.objects, at)
        return Component(
            name="runtime",
            partition="runtime",
            objects=objects,
            exports=every_export(table.exports, objects),
            memory={} if code is None else {Kind.CODE: (code,), Kind.RODATA: (code,)},
        )

    def tasks(self, components: tuple[Component, ...]) -> tuple[Task, ...]:
        partitions = {component.name: component.partition for component in components}
        tasks: dict[str, Task] = {}
        for name, component in self.manifest.component.items():
            at: KeyPath = ("component", name)
            if component.entry is UNSET:
                if component.stack is not UNSET:
                    text = f"`{name}` has a stack and no `entry` that would run on it"
                    self.faults.add("no-entry", [*at, "stack"], text, "name its entry, or leave `stack` out")
            elif component.stack is UNSET:
                text = f"`{name}` has an entry, which makes a task, and no `stack`"
                self.faults.add("no-stack", [*at, "stack"], text, 'give what its code needs, such as stack = "1K"')
            else:
                size = self._stack(size_of(component.stack), (*at, "stack"))
                tasks[name] = Task(
                    name=name, component=name, partition=partitions[name], entry=component.entry, stack=size
                )
        for name, table in self.manifest.task.items():
            if table.component not in partitions:
                text = f"there is no component `{table.component}`"
                hint = nearest(table.component, partitions)
                self.faults.add("unknown-component", ["task", name, "component"], text, hint)
                continue
            if name in tasks:
                text = f"component `{name}` has an entry, which makes a task of the same name"
                self.faults.add("duplicate", ["task", name], text, "rename the task")
                continue
            size = self._stack(size_of(table.stack), ("task", name, "stack"))
            owner = partitions[table.component]
            tasks[name] = Task(name=name, component=table.component, partition=owner, entry=table.entry, stack=size)
        return tuple(tasks[name] for name in sorted(tasks))

    def _stack(self, asked: int, at: KeyPath) -> int:
        if asked == 0:
            self.faults.add(
                "no-stack", at, "a stack of 0 bytes holds nothing", 'give what its code needs, such as "1K"'
            )
        return stack_bytes(asked, self.target)

    def partitions(self, components: tuple[Component, ...]) -> tuple[Partition, ...]:
        members: dict[str, list[Component]] = {}
        for component in components:
            members.setdefault(component.partition, []).append(component)
        for name in self.manifest.partition:
            if name not in members:
                text = f"no component is in partition `{name}`"
                self.faults.add("unknown-partition", ["partition", name], text, nearest(name, members))
        return tuple(self._partition(name, members[name]) for name in sorted(members))

    def _partition(self, name: str, members: list[Component]) -> Partition:
        untrusted = any(component.trust is Trust.UNTRUSTED for component in members)
        table = self.manifest.partition.get(name)
        defaults = self.manifest.defaults
        code, rodata, slots, pins = defaults.code, defaults.rodata, None, {}
        if table is not None:
            code = defaults.code if table.code is UNSET else table.code
            rodata = defaults.rodata if table.rodata is UNSET else table.rodata
            slots = None if table.slots is UNSET else table.slots
            pin = table.pin
            given = {Kind.CODE: pin.code, Kind.RODATA: pin.rodata, Kind.DATA: pin.data}
            pins = {kind: base for kind, base in given.items() if base is not UNSET}
            if untrusted and table.code == "shared":
                text = f"partition `{name}` is untrusted, and shared code is for verified partitions"
                self.faults.add("shared-code", ["partition", name, "code"], text, 'say code = "private"')
        return Partition(
            name=name,
            components=tuple(sorted(component.name for component in members)),
            trust=Trust.UNTRUSTED if untrusted else Trust.VERIFIED,
            code_private=untrusted or code == "private",
            rodata_separate=rodata == "separate",
            slots=slots,
            split=True if table is None else table.split,
            pin=pins,
        )

    def shares(self) -> tuple[Share, ...]:
        return tuple(
            Share(
                name=name,
                size=size_of(table.size),
                memory=self._memory(table.memory, Kind.SHARED, ("shared", name, "memory")),
                access={partition: Access.of(table.access[partition]) for partition in sorted(table.access)},
            )
            for name, table in sorted(self.manifest.shared.items())
        )

    def peripherals(self) -> tuple[Peripheral, ...]:
        """Those that the manifest describes, and those of the chip or the SVD file that somebody names."""
        known = {peripheral.name: peripheral for peripheral in self.target.peripherals}
        used = {name for table in self.manifest.component.values() for name in table.peripherals}
        used |= set(self.manifest.kernel.peripherals)
        found = {name: known[name] for name in used & known.keys()}
        for name in used - known.keys() - self.manifest.peripheral.keys():
            ranges = self.svd.peripherals.get(name.lower(), ())
            if len(ranges) == 1:
                found[name] = Peripheral(name=name, range=ranges[0], bus_master=self._masters(ranges[0]))
        for name, table in self.manifest.peripheral.items():
            at: KeyPath = ("peripheral", name)
            whole = self._range(table.base, size_of(table.size), (*at, "size"))
            if whole is None:
                continue
            master = self._masters(whole)
            if table.bus_master is False and master:
                text = f"`{name}` is a way to memory past the regions according to the chip catalogue"
                self.faults.add("contradiction", [*at, "bus-master"], text, "leave `bus-master` out")
            found[name] = Peripheral(name=name, range=whole, bus_master=master or table.bus_master is True)
        return tuple(found[name] for name in sorted(found))

    def _masters(self, described: AddressRange) -> bool:
        """Whether a bus master of the chip is there, at its own address or behind a second view of it."""
        aliases = self.target.aliases
        seen = physical(aliases, described)
        masters = (chips.range for chips in self.target.peripherals if chips.bus_master)
        return any(one.overlaps(other) for master in masters for one in physical(aliases, master) for other in seen)

    def reserves(self) -> tuple[Reserve, ...]:
        known = {memory.name: memory for memory in self.target.memories}
        found = []
        for number, table in enumerate(self.manifest.reserve):
            at: KeyPath = ("reserve", number)
            whole = self._range(table.base, size_of(table.size), (*at, "size"))
            memory = known.get(table.memory)
            if memory is None:
                text = f"there is no memory `{table.memory}`"
                self.faults.add("unknown-memory", [*at, "memory"], text, nearest(table.memory, known))
            elif whole is not None and not memory.range.contains(whole):
                text = f"the reserve {whole} is not inside memory `{memory.name}` {memory.range}"
                self.faults.add("outside-memory", [*at, "base"], text, "move or shrink it, or enlarge the memory")
            elif whole is not None:
                found.append(Reserve(memory=memory.name, range=whole))
        return tuple(sorted(found, key=lambda reserve: (reserve.memory, reserve.range)))

    def _range(self, base: int, size: int, at: KeyPath) -> AddressRange | None:
        if 0 < size <= ADDRESS_SPACE_END - base:
            return AddressRange.of(base, size)
        text = f"{size} bytes from {hexadecimal(base)} end past the address space" if size else "0 bytes are no range"
        room = ADDRESS_SPACE_END - base
        self.faults.add("empty-range", at, text, f"give a size from 1 to {room}")
        return None

    def libraries(self) -> tuple[Path, ...]:
        written = self.manifest.target.libraries
        found = (self.paths.resolve(text, ("target", "libraries", number)) for number, text in enumerate(written))
        return tuple(dict.fromkeys(path for path in found if path is not None))

    def weights(self) -> dict[str, float]:
        """By memory; empty for the default. A memory that the manifest leaves out of its list weighs one."""
        given = self.manifest.objective.weights
        names = [memory.name for memory in self.target.memories]
        self._known_memories(given, ("objective", "weights"), names)
        return {name: float(given.get(name, 1.0)) for name in names} if given else {}

    def budget(self) -> Budget:
        given = {name: fraction_of(text) for name, text in self.manifest.budget.items() if name != "max-padding"}
        names = [memory.name for memory in self.target.memories]
        self._known_memories(given, ("budget",), [*names, "max-padding"])
        padding = self.manifest.budget.get("max-padding")
        return Budget(max_padding=None if padding is None else fraction_of(padding), memories=given)

    def _known_memories(self, given: dict[str, float], at: KeyPath, names: list[str]) -> None:
        for name in given:
            if name not in names:
                self.faults.add("unknown-memory", [*at, name], f"there is no memory `{name}`", nearest(name, names))


def _sizes(table: ComponentTable) -> dict[Role, int] | None:
    if table.sizes is UNSET:
        return None
    sizes = table.sizes
    given = {Role.TEXT: sizes.code, Role.RODATA: sizes.rodata, Role.DATA: sizes.data, Role.BSS: sizes.bss}
    return {role: size_of(written) for role, written in given.items()}


def build_system(
    manifest: ManifestTable,
    path: Path,
    target: Target,
    chip: Chip | None,
    svd: Svd,
    paths: Paths,
    locations: Locations,
    faults: Faults,
) -> System:
    """The model of a manifest whose shape is right. Faults are added, and what they concern is left out."""
    builder = _Builder(manifest, target, chip, svd, paths, faults)
    components = tuple(builder.component(name) for name in sorted(manifest.component))
    return System(
        manifest=path,
        isolation=builder.isolation(),
        target=target,
        kernel=builder.kernel(),
        components=components,
        tasks=builder.tasks(components),
        partitions=builder.partitions(components),
        shares=builder.shares(),
        runtime=builder.runtime(),
        reserves=builder.reserves(),
        peripherals=builder.peripherals(),
        libraries=builder.libraries(),
        weights=builder.weights(),
        move_waste=fraction_of(manifest.objective.move_waste),
        budget=builder.budget(),
        where=locations,
    )
