"""What a well-shaped manifest can still contradict: names, trust, peripherals, pins, slots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import UNSET

from layoutplan.address import AddressRange, align_down, align_up, hexadecimal
from layoutplan.inputs.captured import check_captured
from layoutplan.inputs.chips.catalogue import Chip
from layoutplan.inputs.faults import Faults, nearest
from layoutplan.inputs.grants import check_grants
from layoutplan.inputs.location import KeyPath
from layoutplan.inputs.naming import check_names
from layoutplan.inputs.schema import U32, ManifestTable
from layoutplan.inputs.smepmp import check_smepmp
from layoutplan.inputs.svd import Svd
from layoutplan.inputs.target import granule_of
from layoutplan.model.access import Isolation, Machine, Trust, UnitName
from layoutplan.model.component import Component, System


def cross_check(system: System, manifest: ManifestTable, chip: Chip | None, svd: Svd, faults: Faults) -> None:
    """Add one fault for each contradiction. What building the system has already refused is not told twice."""
    check_names(system, manifest, faults)
    _unit(system, manifest, faults)
    _background(system, faults)
    check_smepmp(system, chip, faults)
    _components(system, manifest, faults)
    _one_object_one_partition(system, faults)
    _symbols(system, faults)
    check_captured(system, manifest, svd, faults)
    _trust(system, faults)
    _slots(system, faults)
    _shares(system, faults)
    _pins(system, faults)
    check_grants(system, manifest, svd, faults)


def _unit(system: System, manifest: ManifestTable, faults: Faults) -> None:
    given = system.target.chip is not None or manifest.target.unit is not UNSET
    if Isolation.MPU in system.isolation and system.target.unit is UnitName.NONE and given:
        name = f"`{system.target.chip}`" if system.target.chip else "the target"
        hint = 'isolation = "software" has the compiler check bounds instead'
        faults.add("no-unit", ["isolation"], f"{name} has no protection unit", hint)


def _background(system: System, faults: Faults) -> None:
    """Without PRIVDEFENA two regions below all others are the kernel's: where those may overlap, and reach everything.

    Armv8-M faults wherever two regions match (DDI 0553, MPU region overlap); PMP has no map to switch off.
    """
    if system.kernel.background:
        return
    at, unit, what = ("kernel", "background"), system.unit, 'background = "none"'
    if unit not in (UnitName.ARMV6M, UnitName.ARMV7M):
        why = {
            UnitName.ARMV8M: "on Armv8-M two regions that overlap fault, and the kernel's would lie under all others",
            UnitName.PMP: "PMP has no background map: what M-mode reaches needs no entry",
        }.get(unit, "no protection unit is on")
        faults.add("background", at, f"{what}: {why}", 'leave `background` out: it is "privileged"')
        return
    own = (system.kernel.code_memory, system.kernel.data_memory)
    if own[0] == own[1]:
        text = f"{what}: the kernel's code and data are both in `{own[0]}`, which it could write and execute"
        faults.add("background", at, text, "give the kernel two memories")
    used = {name for component in system.components for names in component.memory.values() for name in names}
    for name in sorted((used | {share.memory for share in system.shares}) - {*own}):
        text = f"{what}: `{name}` is in neither of the kernel's two regions, which are `{own[0]}` and `{own[1]}`"
        faults.add("background", at, text, f"keep components out of `{name}`: the kernel fills and clears their memory")


def _components(system: System, manifest: ManifestTable, faults: Faults) -> None:
    rows = [*system.components, *((system.runtime,) if system.runtime else ())]
    for component in rows:
        at: KeyPath = ("component", component.name) if component is not system.runtime else ("runtime",)
        table = manifest.component.get(component.name)
        named = bool(table.objects) if table is not None else True
        if component.sizes is None and not named:
            text = f"`{component.name}` has neither `objects` nor `sizes`"
            faults.add("no-objects", at, text, "name its object files, or plan on estimates")
        if component.sizes is not None and named:
            text = f"`{component.name}` has `objects` and `sizes`"
            faults.add("contradiction", [*at, "sizes"], text, "keep one of them")
        if table is not None and "*" in table.exports and component.trust is Trust.UNTRUSTED:
            text = f'`{component.name}` is untrusted and exports "*", which could capture any symbol of the kernel'
            faults.add("export-all", [*at, "exports"], text, "list the symbols that others call")
        if component.selects and not named:
            faults.add(
                "no-objects",
                [*at, "sections"],
                f"`{component.name}` selects sections of no object",
                "name their object",
            )
        if any(path.suffix == ".a" for path in component.objects) and not component.linked:
            text = f"`{component.name}` names an archive and has neither `entry` nor `exports`"
            faults.add("no-roots", [*at, "objects"], text, "say from which symbols its members are reached")
        wakes = component.entry or any(task.component == component.name for task in system.tasks)
        if component.interrupts and not wakes:
            text = f"`{component.name}` has interrupts and no task that they could wake"
            faults.add("no-task", [*at, "interrupts"], text, "give it an `entry` and a `stack`")
        total = component.heap + component.linear_memory + component.slack + sum((component.sizes or {}).values())
        if total > U32:
            text = f"`{component.name}` asks for {total} bytes, more than 32 bits can address"
            faults.add("too-large", at, text, f"take {total - U32} bytes or more off its sizes, heap and slack")
    _interrupts(system, faults)


def _interrupts(system: System, faults: Faults) -> None:
    # The last bits of NVIC_ISERn: 32 interrupts on v6-M, 240 are what Arm's v7-M cores have, 480 on v8-M Mainline.
    most = {UnitName.ARMV6M: 31, UnitName.ARMV7M: 239, UnitName.ARMV8M: 479}
    limit = most.get(system.target.unit, 479 if system.target.machine is Machine.ARM else 1023)
    owners: dict[int, str] = {}
    for component in system.components:
        at = ("component", component.name, "interrupts")
        for number in component.interrupts:
            other = owners.setdefault(number, component.name)
            if other != component.name:
                text = f"interrupt {number} is given to `{other}` and to `{component.name}`"
                faults.add("granted-twice", at, text, "one task handles it and tells the other")
            if number > limit:
                text = f"interrupt {number} is past the last one, {limit}"
                faults.add(
                    "unknown-interrupt", at, text, "count as the vendor's header does, where exceptions are negative"
                )


def _symbols(system: System, faults: Faults) -> None:
    """Sealing leaves entries and exports global, so the final link sees each name once only."""
    owners: dict[str, str] = {}
    for component in (*((system.runtime,) if system.runtime else ()), *system.components):
        names = [] if component.entry is None else [component.entry]
        for name in dict.fromkeys([*names, *component.exports]):
            other = owners.setdefault(name, component.name)
            if other != component.name and name != "*":
                key = "entry" if name == component.entry else "exports"
                text = f"`{name}` is an entry or export of `{other}` and of `{component.name}`"
                faults.add("duplicate-symbol", ("component", component.name, key), text, "rename one of them")


def _one_object_one_partition(system: System, faults: Faults) -> None:
    """Components of one object share a partition, and all but one say which data sections they take."""
    first: dict[object, Component] = {}
    for component in system.components:
        at = ("component", component.name, "objects")
        for path in component.objects:
            if path.suffix == ".a":
                continue  # each component takes the members that it reaches, and has its own copy of them
            other = first.setdefault(path, component)
            if other is component:
                continue
            if other.partition != component.partition:
                text = f"`{other.name}` and `{component.name}` share {path.name} and are in different partitions"
                faults.add("one-object", at, text, "components of one object share a partition")
            if not other.selects and not component.selects:
                text = f"`{other.name}` and `{component.name}` both take all of {path.name}"
                faults.add("one-object", at, text, "say which data `sections` one of them takes")
            if not component.selects:
                first[path] = component


def _trust(system: System, faults: Faults) -> None:
    for component in system.components:
        at = ("component", component.name, "trust")
        if component.trust is Trust.UNTRUSTED and not system.isolation and "no-isolation" not in component.accept:
            text = f'`{component.name}` is untrusted, and isolation = "none" keeps it from nothing'
            hint = 'turn isolation on, or write accept = ["no-isolation"]'
            faults.add("untrusted", at, text, hint)
    for partition in system.partitions:
        members = [system.component(name) for name in partition.components]
        verified = [member for member in members if member.trust is Trust.VERIFIED]
        untrusted = [member.name for member in members if member.trust is Trust.UNTRUSTED]
        for member in verified:
            # The verified one is at risk, so the opt-in stands there.
            if untrusted and "mixed-trust" not in member.accept:
                others = ", ".join(f"`{name}`" for name in sorted(untrusted))
                text = f"`{member.name}` is verified and shares partition `{partition.name}` with untrusted {others}"
                hint = 'give it a partition of its own, or write accept = ["mixed-trust"]'
                faults.add("mixed-trust", ["component", member.name], text, hint)


def _slots(system: System, faults: Faults) -> None:
    target, reserved = system.target, system.kernel.reserved_slots
    if system.unit is UnitName.NONE:
        return
    if reserved >= target.slots:
        text = f"{reserved} reserved slots leave none of the {target.slots} that the unit has"
        faults.add("slot-count", ["kernel", "reserved-slots"], text, f"reserve {target.slots - 1} at the most")
        return
    for partition in system.partitions:
        left = target.slots - reserved
        if partition.slots is not None and partition.slots > left:
            text = f"a cap of {partition.slots} slots is above the {left} that the kernel leaves"
            faults.add("slot-count", ["partition", partition.name, "slots"], text, f"say slots = {left}, or no cap")
    for entry in target.pmp.fixed:
        if entry.index >= target.slots:
            text = f"PMP entry {entry.index} is past the last of {target.slots} slots"
            hint = f"leave it out, or give the unit {entry.index + 1} slots if it has them"
            faults.add("slot-count", ["target", "pmp"], text, hint)


def _shares(system: System, faults: Faults) -> None:
    known = [partition.name for partition in system.partitions]
    for share in system.shares:
        if share.size == 0:
            text = f"share `{share.name}` has 0 bytes"
            faults.add("empty-range", ["shared", share.name, "size"], text, "give it a size, or leave the share out")
        for name in share.access:
            if name not in known:
                text = f"there is no partition `{name}`"
                faults.add("unknown-partition", ["shared", share.name, "access", name], text, nearest(name, known))


def _pins(system: System, faults: Faults) -> None:
    granule = granule_of(system.target) if system.unit is not UnitName.NONE else 1
    for partition in system.partitions:
        for kind, base in partition.pin.items():
            at = ("partition", partition.name, "pin", kind.value)
            members = (system.component(name) for name in partition.components)
            allowed = _unique(name for member in members for name in member.memory.get(kind, ()))
            inside = [memory for memory in system.target.memories if base in memory.range]
            if base % granule:
                text = f"a pin at {hexadecimal(base)} is not a multiple of the unit's {granule} bytes"
                down, up = align_down(base, granule), align_up(base, granule)
                faults.add("pin-align", at, text, f"pin it to {hexadecimal(down)} or {hexadecimal(up)}")
            if not any(memory.name in allowed for memory in inside):
                names = ", ".join(f"`{name}` {system.target.memory(name).range}" for name in allowed)
                text = f"a pin at {hexadecimal(base)} is not inside {names or 'any memory'}"
                faults.add("outside-memory", at, text, "pin it inside, or leave its place to the planner")
            elif _reserved(system, base):
                text = f"a pin at {hexadecimal(base)} is inside the reserve {_reserved(system, base)}"
                faults.add("outside-memory", at, text, "pin it elsewhere, or leave its place to the planner")


def _reserved(system: System, address: int) -> AddressRange | None:
    return next((reserve.range for reserve in system.reserves if address in reserve.range), None)


def _unique(names: Iterable[str]) -> Sequence[str]:
    return tuple(dict.fromkeys(names))
