"""Names that would meet in the generated files: linker symbols, output sections, Rust constants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from layoutplan.inputs.faults import Faults
from layoutplan.inputs.location import KeyPath
from layoutplan.inputs.schema import ManifestTable
from layoutplan.model.access import Kind
from layoutplan.model.component import System

RESERVED = frozenset({"kernel", "shared", "runtime", "region_table"})
"""Names of the tool's own sections and symbols: ``.lp.region_table``, ``__lp_kernel_data_start``, …"""

Names = Mapping[str, KeyPath]


def check_names(system: System, manifest: ManifestTable, faults: Faults) -> None:
    """Add one fault for each name that is taken, and for each two that become one."""
    # A component and a partition may share a name: that is the default. Symbols tell them apart by what follows.
    partitions = {partition.name: _partition_path(partition.name, manifest) for partition in system.partitions}
    shares: Names = {name: ("shared", name) for name in manifest.shared}
    groups: Mapping[str, Names] = {
        "component": {name: ("component", name) for name in manifest.component},
        "partition": partitions,
        "task": {task.name: _task_path(task.name, manifest) for task in system.tasks},
        "share": shares,
    }
    told: set[KeyPath] = set()
    for what, names in groups.items():
        _collisions(what, names, faults)
        for name, at in names.items():
            taken = _symbol(name).lower()
            if at not in told and (taken in RESERVED or (what == "share" and taken == "code")):
                told.add(at)  # a component's default partition and task have its name
                text = f"`{name}` is a name that the tool keeps for itself"
                faults.add("reserved-name", at, text, f"rename the {what}")
    _collisions("memory", {name: ("memory", name) for name in manifest.memory}, faults)
    _blocks(system, partitions, shares, faults)


def _symbol(name: str) -> str:
    return name.replace("-", "_")


def _collisions(what: str, names: Names, faults: Faults) -> None:
    # Symbols have `_` for `-`, and Rust constants are upper-case: LP_PARTITION_<NAME>.
    owners: dict[str, str] = {}
    for name, at in names.items():
        constant = _symbol(name).upper()
        other = owners.setdefault(constant, name)
        if other != name:
            text = f"{what} `{name}` and {what} `{other}` would both be `{constant}` in the generated Rust"
            faults.add("name-collision", at, text, "rename one of them")


def _blocks(system: System, partitions: Names, shares: Names, faults: Faults) -> None:
    """``__lp_a_data_start`` must not be a block of partition `a` and one of partition `a-data`, or a share's."""
    memories = [memory.name for memory in system.target.memories]
    owners: dict[str, tuple[str, str]] = {_symbol(f"shared-{name}"): ("share", name) for name in shares}
    for name, at in sorted(partitions.items()):
        for stem in _stems(name, memories):
            what, other = owners.setdefault(stem, ("partition", name))
            if what == "partition" and _symbol(other) == _symbol(name):
                continue  # its own, or two names that are told as one already
            text = f"partition `{name}` and {what} `{other}` could both have the symbol `__lp_{stem}_start`"
            faults.add("name-collision", at, text, "rename one of them")
            break


def _stems(partition: str, memories: list[str]) -> Iterator[str]:
    """All names that blocks of a partition can have; with the memory's where one kind needs several blocks."""
    for kind in (Kind.CODE, Kind.RODATA, Kind.DATA):
        yield _symbol(f"{partition}-{kind}")
        for memory in memories:
            yield _symbol(f"{partition}-{kind}-{memory}")


def _partition_path(name: str, manifest: ManifestTable) -> KeyPath:
    if name in manifest.partition:
        return ("partition", name)
    for component, table in manifest.component.items():
        if table.partition == name:
            return ("component", component, "partition")
    return ("component", name)


def _task_path(name: str, manifest: ManifestTable) -> KeyPath:
    return ("task", name) if name in manifest.task else ("component", name)
