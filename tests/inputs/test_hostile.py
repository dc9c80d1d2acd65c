"""Any bytes give a system or a ``BadInput`` with clear faults, never another exception."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.errors import BadInput
from layoutplan.inputs.faults import Faults
from layoutplan.inputs.location import Locations
from layoutplan.inputs.lock import read_lock_bytes
from layoutplan.inputs.manifest import read_manifest_bytes
from layoutplan.inputs.schema import ManifestTable, manifest_schema
from layoutplan.inputs.shape import check_shape
from layoutplan.model.component import System
from tests.inputs.fixtures import FOLDER, names, twin

LAW = settings(deadline=None, derandomize=True, max_examples=200, database=None)
TWINS = [twin((FOLDER / f"{name}.toml").read_text(encoding="utf-8")) for name in names()]
TABLES = [tomllib.loads(text) for text in TWINS]


def read(data: bytes) -> System | None:
    try:
        return read_manifest_bytes(data, Path("layout.toml"), {}).system
    except BadInput as error:
        require_clear(error)
        return None


def require_clear(error: BadInput) -> None:
    for fault in error.faults:
        assert fault.message
        assert fault.where.startswith("layout.")
        assert "\n" not in fault.message


@LAW
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    read(data)
    read(b"manifest-version = 1\n" + data)


@LAW
@given(st.binary(max_size=300))
def test_any_bytes_as_a_lock(data: bytes) -> None:
    try:
        read_lock_bytes(data, "layout.lock")
    except BadInput as error:
        require_clear(error)


@LAW
@given(st.sampled_from(TWINS), st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=4))
def test_a_few_wrong_bytes(text: str, mutations: list[tuple[int, int]]) -> None:
    data = bytearray(text.encode())
    for position, value in mutations:
        data[position % len(data)] = value
    read(bytes(data))


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(1 << 70), 1 << 70),
        st.sampled_from([0, 1, 31, 32, 4096, 0x2000_0000, 0xFFFF_FFFF, 1 << 32]),
        st.floats(),
        st.dates(),
        st.text(max_size=8),
        st.sampled_from(["mix", "uart", "ram", "flash", "1K", "4095M", "none", "mpu", "*", "kernel", "${X}", "uart0"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
KEYS = [
    "isolation", "target", "memory", "kernel", "defaults", "component", "task", "partition", "shared", "peripheral",
    "runtime", "reserve", "objective", "budget", "objects", "entry", "stack", "trust", "sections", "exports", "heap",
    "linear-memory", "sizes", "slack", "accept", "code", "rodata", "data", "bss", "unit", "slots", "pmp", "grain",
    "modes", "preset", "origin", "length", "access", "pin", "split", "base", "size", "weights", "interrupts", "ram",
]  # fmt: skip


@LAW
@given(
    st.sampled_from(TABLES),
    st.lists(st.tuples(st.integers(0, 99), st.sampled_from(KEYS), VALUES), min_size=1, max_size=3),
)
def test_any_value_at_any_key(tables: dict[str, Any], changes: list[tuple[int, str, Any]]) -> None:
    tables = copy.deepcopy(tables)
    for where, key, value in changes:
        places = _tables(tables)
        places[where % len(places)][key] = value
    read(tomli_w.dumps(tables).encode())


@LAW
@given(
    st.sampled_from(TABLES),
    st.lists(st.tuples(st.integers(0, 99), st.sampled_from(KEYS), VALUES), min_size=1, max_size=2),
)
def test_what_the_schema_accepts_msgspec_decodes(tables: dict[str, Any], changes: list[tuple[int, str, Any]]) -> None:
    tables = copy.deepcopy(tables)
    for where, key, value in changes:
        places = _tables(tables)
        places[where % len(places)][key] = value
    faults = Faults(Locations("layout.toml", ""))
    check_shape(tables, manifest_schema(), faults)
    try:
        faults.raise_any()
    except BadInput:
        return
    msgspec.convert(tables, ManifestTable)


def _tables(value: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - whatever TOML holds
    if isinstance(value, dict):
        return [value, *(found for inner in value.values() for found in _tables(inner))]
    return [found for inner in value for found in _tables(inner)] if isinstance(value, list) else []


def test_keys_of_digits_are_told_apart() -> None:
    # The validator's own path has index 0 for each of these keys.
    faults = Faults(Locations("layout.toml", ""))
    check_shape({"memory": {"0": False, "00": {"#": 1}, "+0": {}, "#0": {}}}, manifest_schema(), faults)
    with pytest.raises(BadInput) as refused:
        faults.raise_any()
    told = [(fault.code, fault.where) for fault in refused.value.faults if "memory" in fault.where]
    assert sorted(told) == [
        ("bad-name", "layout.toml: memory.#0"),
        ("bad-name", "layout.toml: memory.+0"),
        ("bad-name", "layout.toml: memory.0"),
        ("bad-name", "layout.toml: memory.00"),
        ("bad-value", "layout.toml: memory.0"),
        ("unknown-key", "layout.toml: memory.00.#"),
    ]


def test_faults_are_sorted_whatever_a_key_takes_for_digits() -> None:
    # `²` is a digit to Python and no number, and so many nines are more than it makes one of.
    keys = "\n".join(f'"{key}" = 1' for key in ("9" * 5000, "0²", "٣"))
    with pytest.raises(BadInput) as refused:
        read_manifest_bytes(f"manifest-version = 1\n{keys}\n".encode(), Path("layout.toml"), {})
    lines = [fault.where.split(":")[1] for fault in refused.value.faults if fault.code == "unknown-key"]
    assert lines == ["2", "3", "4"]


def test_a_quoted_key_with_a_line_end_is_told_on_one_line() -> None:
    with pytest.raises(BadInput) as refused:
        read_manifest_bytes(b'manifest-version = 1\n"a\\n\\u001b" = 2\n', Path("layout.toml"), {})
    told = [(fault.message, fault.where) for fault in refused.value.faults if fault.code == "unknown-key"]
    assert told == [("`a\\n\\u001b` is not a key of the manifest", "layout.toml:2: a\\n\\u001b")]


def test_numbers_beyond_pythons_own_limit_and_deep_nesting() -> None:
    assert read(b"a = " + b"9" * 5000) is None
    assert read(b"a = " + b"[" * 100_000) is None
    assert read(b"a = " + b"{b=" * 100_000) is None
    assert read(b"[" + b"a." * 50_000 + b"a]\nmanifest-version = 1") is None
    assert read(b"#" * (5 << 20)) is None
