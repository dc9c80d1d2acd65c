"""Writing, the lock, and the number that keeps a set together."""

from __future__ import annotations

import os
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from layoutplan.address import AddressRange
from layoutplan.inputs import read_lock
from layoutplan.render import lock_text, plan_hash, render, write_if_changed
from tests.render import builder


def test_an_unchanged_file_keeps_its_time(tmp_path: Path) -> None:
    path = tmp_path / "out" / "layout.ld"
    assert write_if_changed(path, b"one")
    os.utime(path, ns=(1, 1))
    assert not write_if_changed(path, b"one")
    assert path.stat().st_mtime_ns == 1
    assert write_if_changed(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in path.parent.iterdir()] == ["layout.ld"]


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "layout.ld").mkdir()
    with pytest.raises(OSError, match=r"layout\.ld"):
        write_if_changed(tmp_path / "layout.ld", b"one")
    assert [entry.name for entry in tmp_path.iterdir()] == ["layout.ld"]


def test_the_lock_reads_back_as_the_placement(tmp_path: Path) -> None:
    plan = builder.plan()
    path = tmp_path / "layout.lock"
    path.write_text(lock_text(plan))
    lock = read_lock(path)
    assert lock is not None
    assert {name: (locked.memory, locked.granted, locked.cover) for name, locked in lock.blocks.items()} == {
        placed.block.name: (placed.memory, placed.granted, placed.cover) for placed in plan.placements
    }


def test_the_lock_holds_no_hash_and_no_used_bytes() -> None:
    lock = tomllib.loads(lock_text(builder.plan()))
    assert lock["version"] == 1
    assert set(lock["block"]["gps.data"]) == {"memory", "base", "size", "cover"}


def test_the_hash_follows_what_is_linked_and_nothing_else() -> None:
    system = builder.system()
    plan = builder.plan(system)
    number = plan_hash(system, plan)
    assert 0 < number < 1 << 64
    elsewhere = replace(system, manifest=Path("/elsewhere/other.toml"), where={"component.gps": "other.toml:3"})
    assert plan_hash(elsewhere, plan) == number
    reordered = replace(plan, placements=plan.placements[::-1])
    assert plan_hash(replace(system, components=system.components[::-1], tasks=system.tasks[::-1]), reordered) == number
    moved = replace(plan.placements[0], granted=AddressRange.of(0x3_F000, 128))
    assert plan_hash(system, replace(plan, placements=(moved, *plan.placements[1:]))) != number
    gps = plan.registers["gps"]
    flipped = (*gps[:3], replace(gps[3], words=(gps[3].words[0], gps[3].words[1] ^ 0x100)), *gps[4:])
    assert plan_hash(system, replace(plan, registers={**plan.registers, "gps": flipped})) != number
    renamed = replace(system.tasks[0], entry="other")
    assert plan_hash(replace(system, tasks=(renamed, *system.tasks[1:])), plan) != number


def test_the_order_of_the_manifest_does_not_change_a_byte() -> None:
    system = builder.system()
    plan = builder.plan(system)
    shuffled = replace(
        system, components=system.components[::-1], tasks=system.tasks[::-1], partitions=system.partitions[::-1]
    )
    assert render(shuffled, replace(plan, placements=plan.placements[::-1])) == render(system, plan)
