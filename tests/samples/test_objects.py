"""The sealed objects in the repository are those that the sources give."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from tests.toolchain import ARMV7M, ROOT, rustc, sysroot, tool

SAMPLE = ROOT / "samples" / "flight_controller"
LAYOUTPLAN = str(Path(sys.executable).with_name("layoutplan"))
OBJECTS = SAMPLE / "objects" / "armv7m"
COMPONENTS = ("attitude", "gps", "mixer", "telemetry")


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


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tool("arm-none-eabi-objcopy", "binutils-arm-none-eabi")
    sysroot(ARMV7M)
    out = tmp_path_factory.mktemp("objects")
    subprocess.run(
        [SAMPLE / "rebuild.sh", out], check=True, env={**os.environ, "RUSTC": rustc(), "LAYOUTPLAN": LAYOUTPLAN}
    )
    return out


def test_the_recorded_compiler_gives_the_recorded_sizes(rebuilt: Path) -> None:
    recorded, present = ((folder / "rustc-version").read_text() for folder in (OBJECTS, rebuilt))
    if recorded != present:
        pytest.skip(f"the objects were built by {recorded.strip()}, and this is {present.strip()}")
    for component in COMPONENTS:
        assert family_sizes(rebuilt / f"{component}.o") == family_sizes(OBJECTS / f"{component}.o"), component


@pytest.mark.parametrize("component", COMPONENTS)
def test_an_object_is_sealed(component: str) -> None:
    with (OBJECTS / f"{component}.o").open("rb") as file:
        elf = ELFFile(file)
        allocated = [section.name for section in elf.iter_sections() if section["sh_flags"] & 2]
        table = elf.get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        symbols = list(table.iter_symbols())
    assert allocated
    assert [name for name in allocated if not name.startswith(f".lp.{component}.")] == []
    globals_ = {symbol.name for symbol in symbols if symbol["st_info"]["bind"] == "STB_GLOBAL"}
    assert {name for name in globals_ if not name.startswith("__lp_")} == {f"{component}_main"}


def test_the_components_use_every_kind_of_memory() -> None:
    for component in COMPONENTS:
        assert {"text", "rodata", "data", "bss"} <= set(family_sizes(OBJECTS / f"{component}.o")), component
