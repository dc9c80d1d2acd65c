"""Table words to register contents: CONTRACTS' store sequence for each unit, executed."""

from __future__ import annotations

from collections.abc import Iterable

from layoutplan.check.stores import Store, execute, pmsav7_store
from layoutplan.check.table import RegionTable
from layoutplan.model.component import System
from layoutplan.model.evidence import Finding
from layoutplan.model.plan import Words


def program_of(system: System, table: RegionTable, partition: int) -> tuple[tuple[Words, ...], tuple[Finding, ...]]:
    """The slots while the partition of that index runs, and what boot and switch leave undetermined.

    Which slots a switch to any other partition rewrites matters too: they are what a predecessor leaves behind.
    """
    name = sorted(p.name for p in system.partitions)[partition]
    slots = system.target.slots
    findings: list[Finding] = []

    def stores(pairs: Iterable[Words], what: str) -> list[Store]:
        made = []
        for row, pair in enumerate(pairs):
            store = pmsav7_store(pair, slots)
            if isinstance(store, Store):
                made.append(store)
            else:
                message = f"row {row} of {what}: {store}"
                findings.append(Finding(rule="transition", partition=name, message=message))
        return made

    boot = stores(table.static, "LP_STATIC")
    switch = stores(table.dynamic[partition], f"LP_DYNAMIC of `{name}`")
    reserved = frozenset(range(slots - system.kernel.reserved_slots, slots))
    words, undetermined = execute(name, boot, switch, slots=slots, reserved=reserved)
    return words, (*findings, *undetermined)
