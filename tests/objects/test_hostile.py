"""Any bytes give a result or a ``BadInput``, never another exception, in time and memory that the file bounds."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.errors import BadInput
from layoutplan.objects import RelocatableObject, read_archive, read_object, refusals
from tests.objects.builder import EM_RISCV, GROUP, Obj, Sec, Sym, arm_attributes, simple
from tests.toolchain import missing

LAW = settings(deadline=None, derandomize=True, max_examples=300, database=None)
ARCHIVES = {
    "arm": Path("/usr/lib/arm-none-eabi/newlib/thumb/v7-m/nofp/libc.a"),
    "riscv": Path("/usr/lib/picolibc/riscv64-unknown-elf/lib/release/rv32imac/ilp32/libc.a"),
}
PACKAGES = {"arm": "libnewlib-arm-none-eabi", "riscv": "picolibc-riscv64-unknown-elf"}


def require_clear(error: BadInput) -> None:
    assert all(fault.where.startswith("hostile") and fault.message for fault in error.faults)


def read_everything(data: bytes) -> RelocatableObject | None:
    """All that the tool ever asks of an object."""
    try:
        found = read_object(data, "hostile.o")
        refusals(found)
        assert len(found.groups) <= len(found.elf.sections)
        assert found.attributes.architecture != ""
    except BadInput as error:
        require_clear(error)
        return None
    for section in found.elf.sections:
        assert len(found.elf.content(section)) <= len(data)
    return found


SEEDS = (
    simple().build(),
    simple(machine=EM_RISCV).build(),
    Obj(
        sections=[
            arm_attributes(10),
            Sec(name=".group", type=GROUP, flags=0, data=struct.pack("<3I", 1, 1, 0), link=3, info=1),
        ],
        symbols=[Sym(name="f", section=1)],
    ).build(),
)


@LAW
@given(st.binary(max_size=400))
def test_any_bytes_are_an_object_or_a_fault(data: bytes) -> None:
    read_everything(data)
    read_everything(SEEDS[0][:52] + data)


@LAW
@given(st.binary(max_size=400))
def test_any_bytes_are_an_archive_or_a_fault(data: bytes) -> None:
    for start in (b"", b"!<arch>\n", b"!<thin>\n"):
        try:
            members = read_archive(start + data, "hostile.a")
        except BadInput as error:
            require_clear(error)
        else:
            assert sum(len(member.data or b"") for member in members) <= len(data)


Mutation = tuple[int, int]
MUTATIONS = st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=8)
EDGES = st.sampled_from([0, 1, 3, 0x7F, 0x80, 0xFF])


def mutated(data: bytes, mutations: list[Mutation]) -> bytes:
    new = bytearray(data)
    for position, value in mutations:
        new[position % len(new)] = value
    return bytes(new)


@LAW
@given(st.sampled_from(SEEDS), MUTATIONS)
def test_a_few_wrong_bytes(seed: bytes, mutations: list[Mutation]) -> None:
    read_everything(mutated(seed, mutations))


@LAW
@given(st.sampled_from(SEEDS), st.integers(0, 60), EDGES, EDGES, EDGES, EDGES)
def test_extreme_words_in_every_table(seed: bytes, word: int, a: int, b: int, c: int, d: int) -> None:
    headers = struct.unpack_from("<I", seed, 32)[0]
    new = bytearray(seed)
    position = 16 + 4 * word if word < 9 else headers + 4 * (word - 9)
    new[position : position + 4] = bytes([a, b, c, d])
    read_everything(bytes(new[: max(len(seed), 0)]))


@LAW
@given(st.binary(max_size=64))
def test_any_attributes(content: bytes) -> None:
    for machine in (40, EM_RISCV):
        section = arm_attributes(10)
        section.data = content
        read_everything(Obj(sections=[section], machine=machine).build())
        section.data = b"A" + content
        read_everything(Obj(sections=[section], machine=machine).build())


@pytest.mark.parametrize(
    "content",
    [
        b"A" + struct.pack("<I", 0) + b"aeabi\0",  # a subsection of no length, read for ever
        b"A" + struct.pack("<I", 17) + b"aeabi\0" + b"\1" + struct.pack("<I", 0),  # the same one level down
        b"A" + struct.pack("<I", 17) + b"aeabi\0" + b"\1" + struct.pack("<I", 5),
    ],
)
def test_attributes_that_lead_in_circles(content: bytes) -> None:
    section = arm_attributes(10)
    section.data = content
    read_everything(Obj(sections=[section]).build())


@cache
def real_objects(which: str) -> tuple[bytes, ...]:
    path = ARCHIVES[which]
    if not path.exists():
        missing(str(path), PACKAGES[which])
    members = read_archive(path.read_bytes(), path.name)
    return tuple(member.data for member in members[:: len(members) // 12] if member.data)


@pytest.mark.parametrize("which", ARCHIVES)
@settings(deadline=None, derandomize=True, max_examples=100, database=None)
@given(st.integers(0, 11), MUTATIONS, st.booleans())
def test_mutated_real_objects(which: str, number: int, mutations: list[Mutation], at_the_tables: bool) -> None:
    data = real_objects(which)[number]
    if at_the_tables:  # where a wrong byte matters most: the section headers are at the end
        end = len(data)
        mutations = [(end - 1 - position % min(end, 1200), value) for position, value in mutations]
    read_everything(mutated(data, mutations))


@pytest.mark.parametrize("which", ARCHIVES)
def test_truncated_real_objects(which: str) -> None:
    data = real_objects(which)[3]
    assert read_everything(data) is not None
    for size in [*range(64), *range(64, len(data), max(1, len(data) // 100))]:
        assert read_everything(data[:size]) is None
