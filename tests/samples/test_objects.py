"""The sealed objects in the repository are those that the sources give."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from tests.samples.boards import BOARDS, COMPONENTS, LAYOUTPLAN, SAMPLE, Board, board_name
from tests.toolchain import rustc, sysroot

every_board = pytest.mark.parametrize("board", BOARDS, ids=board_name)


def sections(path: Path) -> dict[str, int]:
    with path.open("rb") as file:
        return {
            section.name: section["sh_size"] for section in ELFFile(file).iter_sections() if section["sh_flags"] & 2
        }


def family_sizes(path: Path) -> dict[str, int]:
    """Bytes per kind of section: names of Rust statics carry hashes of the crate's path."""
    sizes: dict[str, int] = {}
    for name, size in sections(path).items():
        family = name.split(".")[3]
        sizes[family] = sizes.get(family, 0) + size
    return sizes


@every_board
def test_the_recorded_compiler_gives_the_recorded_sizes(board: Board, tmp_path: Path) -> None:
    assert board.machine.objcopy
    sysroot(board.machine.target)
    subprocess.run(
        [SAMPLE / "rebuild.sh", tmp_path, board.objects.name],
        check=True,
        env={**os.environ, "RUSTC": rustc(), "LAYOUTPLAN": str(LAYOUTPLAN)},
    )
    rebuilt = tmp_path / board.objects.name
    recorded, present = ((folder / "rustc-version").read_text() for folder in (board.objects, rebuilt))
    if recorded != present:
        pytest.skip(f"the objects were built by {recorded.strip()}, and this is {present.strip()}")
    for component in COMPONENTS:
        assert family_sizes(rebuilt / f"{component}.o") == family_sizes(board.objects / f"{component}.o"), component


@every_board
@pytest.mark.parametrize("component", COMPONENTS)
def test_an_object_is_sealed(board: Board, component: str) -> None:
    with (board.objects / f"{component}.o").open("rb") as file:
        elf = ELFFile(file)
        allocated = [section.name for section in elf.iter_sections() if section["sh_flags"] & 2]
        table = elf.get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        symbols = list(table.iter_symbols())
    assert allocated
    assert [name for name in allocated if not name.startswith(f".lp.{component}.")] == []
    globals_ = {symbol.name for symbol in symbols if symbol["st_info"]["bind"] == "STB_GLOBAL"}
    assert {name for name in globals_ if not name.startswith("__lp_")} == {f"{component}_main"}


@every_board
def test_the_components_use_every_kind_of_memory(board: Board) -> None:
    for component in COMPONENTS:
        assert {"text", "rodata", "data", "bss"} <= set(family_sizes(board.objects / f"{component}.o")), component
