"""GNU readelf and size, which share no code with ours, see the same sections and symbols in objects of others."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from layoutplan.model.access import Machine
from layoutplan.objects import RelocatableObject, SectionFlag, SectionType, read_archive, read_object
from tests.objects.test_hostile import ARCHIVES, PACKAGES
from tests.toolchain import missing, tool

PREFIX = {"arm": "arm-none-eabi-", "riscv": "riscv64-unknown-elf-"}
BINUTILS = {"arm": "binutils-arm-none-eabi", "riscv": "binutils-riscv64-unknown-elf"}
COUNT = 25


@pytest.fixture(scope="module", params=ARCHIVES)
def sample(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A machine, and a folder with some members of its C library."""
    which = str(request.param)
    if not ARCHIVES[which].exists():
        missing(str(ARCHIVES[which]), PACKAGES[which])
    members = read_archive(ARCHIVES[which].read_bytes(), which)
    folder = tmp_path_factory.mktemp(which)
    for member in members[:: len(members) // COUNT]:
        assert member.data is not None
        (folder / member.name).write_bytes(member.data)
    return which, folder


def objects(folder: Path) -> dict[str, RelocatableObject]:
    return {path.name: read_object(path.read_bytes(), path.name) for path in sorted(folder.iterdir())}


def run(which: str, program: str, *arguments: str, folder: Path) -> str:
    command = [tool(PREFIX[which] + program, BINUTILS[which]), *arguments, *sorted(p.name for p in folder.iterdir())]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


ROW = re.compile(
    r"^ +\[ *(\d+)\] (\S*) +(\S+) +([0-9a-f]{8}) ([0-9a-f]{6,}) ([0-9a-f]{6,})"
    r" [0-9a-f]+ +([A-Zop]*) +(\d+) +(\d+) +(\d+)$"
)


def test_sections(sample: tuple[str, Path]) -> None:
    which, folder = sample
    text = run(which, "readelf", "-SW", folder=folder)
    per_file = dict(
        zip(re.findall(r"^File: (.*)$", text, re.M), re.split(r"^File: .*$", text, flags=re.M)[1:], strict=True)
    )
    for name, found in objects(folder).items():
        rows = [match.groups() for match in map(ROW.match, per_file[name].splitlines()) if match]
        theirs = [(int(i), n, int(size, 16), "A" in flags, "W" in flags, "X" in flags, int(align) or 1)
                  for i, n, kind, _, _, size, flags, _, _, align in rows if kind != "NULL"]  # fmt: skip
        ours = [
            (
                s.index,
                s.name,
                s.size,
                s.allocated,
                SectionFlag.WRITE in s.flags,
                SectionFlag.EXECINSTR in s.flags,
                s.align,
            )
            for s in found.elf.sections
            if s.type != SectionType.NULL
        ]
        assert ours == theirs
        assert ours


def test_sizes(sample: tuple[str, Path]) -> None:
    which, folder = sample
    rows = [line.split() for line in run(which, "size", folder=folder).splitlines()[1:]]
    theirs = {row[5]: (int(row[0]), int(row[1]), int(row[2])) for row in rows}
    for name, found in objects(folder).items():
        sizes: Counter[str] = Counter()
        for section in found.allocated:
            written = SectionFlag.WRITE in section.flags
            kind = "bss" if section.type == SectionType.NOBITS else "data" if written else "text"
            sizes[kind] += section.size
        assert (sizes["text"], sizes["data"], sizes["bss"]) == theirs[name]


def test_global_symbols(sample: tuple[str, Path]) -> None:
    which, folder = sample
    text = run(which, "nm", "-g", folder=folder)
    chunks = re.split(r"^(\S+):$", text, flags=re.M)[1:]
    for name, body in zip(chunks[::2], chunks[1::2], strict=True):
        found = read_object((folder / name).read_bytes(), name)
        rows = [line.split() for line in body.strip().splitlines()]
        assert found.undefined == {row[-1] for row in rows if row[-2] in "Uwv"}
        assert found.defined == {row[-1] for row in rows if row[-2] not in "Uwv"}


def test_architecture(sample: tuple[str, Path]) -> None:
    which, folder = sample
    text = run(which, "readelf", "-A", folder=folder)
    theirs = set(re.findall(r"Tag_(?:CPU|RISCV)_arch: \"?([^\"\n]*)", text))
    ours = {found.attributes.architecture for found in objects(folder).values()}
    assert len(ours) == 1
    assert ours == theirs
    assert {found.machine for found in objects(folder).values()} == {Machine(which)}
