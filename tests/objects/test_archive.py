"""GNU, thin and BSD archives; each broken one with its whole message."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from layoutplan.errors import BadInput
from layoutplan.objects import is_archive, read_archive
from tests.objects.builder import member
from tests.toolchain import tool

ARCH, THIN = b"!<arch>\n", b"!<thin>\n"
BROKEN = "\n  at a.a\nhint: build the file again: it is damaged, or not finished"


def members(data: bytes) -> list[tuple[str, bytes | None]]:
    return [(found.name, found.data) for found in read_archive(data, "a.a")]


def test_gnu_names_short_and_long() -> None:
    names = b"a-name-of-more-than-sixteen-bytes.o/\nanother-quite-long-name.o/\n"
    data = (
        ARCH + member(b"/", b"\0\0\0\0") + member(b"//", names)
        + member(b"short.o/", b"one") + member(b"/0", b"two!") + member(b"/37", b"three")
    )  # fmt: skip
    assert members(data) == [
        ("short.o", b"one"),
        ("a-name-of-more-than-sixteen-bytes.o", b"two!"),
        ("another-quite-long-name.o", b"three"),
    ]


def test_bsd_names() -> None:
    data = ARCH + member(b"#1/20", b"a-long-bsd-name.o\0\0\0body") + member(b"short.o", b"x")
    data += member(b"__.SYMDEF", b"\0\0\0\0") + member(b"#1/16", b"__.SYMDEF SORTEDtable")
    assert members(data) == [("a-long-bsd-name.o", b"body"), ("short.o", b"x")]


def test_thin_archives_name_files_and_hold_none() -> None:
    header = member(b"/0", b"", size=1000)
    assert members(THIN + member(b"//", b"sub/one.o/\n") + header) == [("sub/one.o", None)]


def test_an_empty_archive() -> None:
    assert members(ARCH) == []
    assert is_archive(ARCH)
    assert is_archive(THIN)
    assert not is_archive(b"\x7fELF")


FAULTS = {
    "no-archive": (
        b"what",
        "error[not-archive]: the file is not an archive\n  at a.a\nhint: make it with ar, or name the object itself",
    ),
    "truncated-header": (
        ARCH + b"x" * 20,
        f"error[broken-object]: a member's header: 60 bytes at 0x8 are not inside the file of 28 bytes{BROKEN}",
    ),
    "no-magic": (
        ARCH + member(b"a.o/", b"12")[:58] + b"xx12",
        f"error[broken-object]: no member's header at 0x8{BROKEN}",
    ),
    "no-size": (
        ARCH + (b"a.o/".ljust(48) + b"12z".ljust(10) + b"`\n"),
        f"error[broken-object]: the member at 0x8 has no size{BROKEN}",
    ),
    "truncated-member": (
        ARCH + member(b"a.o/", b"12", size=3000),
        f"error[broken-object]: the member at 0x8: 3000 bytes at 0x44 are not inside the file of 70 bytes{BROKEN}",
    ),
    "far-long-name": (
        ARCH + member(b"//", b"a.o/\n") + member(b"/99", b"12"),
        f"error[broken-object]: the member at 0x4a: its name at 99 is past the table of long names of 5 bytes{BROKEN}",
    ),
    "no-long-names": (
        ARCH + member(b"/0", b"12"),
        f"error[broken-object]: the member at 0x8: its name at 0 is past the table of long names of 0 bytes{BROKEN}",
    ),
    "long-names-that-share-bytes": (
        ARCH + member(b"//", b"n" * 2000) + member(b"/0", b"") * 12,
        f"error[broken-object]: the member at 0xaa8: the names together are longer than eight times the file{BROKEN}",
    ),
    "no-name": (ARCH + member(b"/x", b"12"), f"error[broken-object]: the member at 0x8 has no name{BROKEN}"),
    "bsd-name-longer-than-the-member": (
        ARCH + member(b"#1/50", b"12"),
        f"error[broken-object]: the member at 0x8 has a name of no length that fits{BROKEN}",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_archive_has_exactly_its_message(name: str) -> None:
    data, message = FAULTS[name]
    with pytest.raises(BadInput) as caught:
        read_archive(data, "a.a")
    assert str(caught.value) == message


@pytest.mark.parametrize("options", [["rcs"], ["rcsT"], ["--format=bsd", "rcs"], ["--format=gnu", "rcs"]])
def test_archives_that_real_tools_make(options: list[str], tmp_path: Path) -> None:
    llvm = options[0].startswith("--")
    program = tool(("llvm-ar", "llvm-ar-19"), "llvm") if llvm else tool("ar", "binutils")
    files = {"one.o": b"1", "a-member-with-quite-a-long-name.o": b"22", "sub/three.o": b"333"}
    (tmp_path / "sub").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    subprocess.run([program, *options, "all.a", *files], cwd=tmp_path, check=True, capture_output=True)
    data = (tmp_path / "all.a").read_bytes()
    found = read_archive(data, "all.a")
    if options == ["rcsT"]:
        assert data.startswith(THIN)
        assert {m.name: (tmp_path / m.name).read_bytes() for m in found} == files
    else:
        assert {m.name: m.data for m in found} == {Path(name).name: content for name, content in files.items()}
