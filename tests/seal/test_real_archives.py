"""Objects that nobody here wrote: members of C libraries, sealed, planned, linked and verified on each unit."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from layoutplan.errors import ExitStatus
from layoutplan.pipeline import PlanRequest, plan, verify
from tests.render.image import read
from tests.render.objects import RV32, THUMB, Dialect, assemble, link
from tests.toolchain import ARMV7M, ARMV8M, RISCV32, missing, rustc_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A C library as Debian ships it, and what a manifest and a linker need to know about its architecture."""

    chip: str
    target: str
    dialect: Dialect
    libc: Path
    libgcc: Path
    package: str


_GCC = Path("/usr/lib/gcc")
LIBRARIES = {
    "newlib armv7-m": Library(
        chip="mps2-an385",
        target=ARMV7M,
        dialect=THUMB,
        libc=Path("/usr/lib/arm-none-eabi/newlib/thumb/v7-m/nofp/libc.a"),
        libgcc=_GCC / "arm-none-eabi/12.2.1/thumb/v7-m/nofp/libgcc.a",
        package="libnewlib-arm-none-eabi",
    ),
    "newlib armv8-m.main": Library(
        chip="mps2-an505",
        target=ARMV8M,
        dialect=THUMB,
        libc=Path("/usr/lib/arm-none-eabi/newlib/thumb/v8-m.main/nofp/libc.a"),
        libgcc=_GCC / "arm-none-eabi/12.2.1/thumb/v8-m.main/nofp/libgcc.a",
        package="libnewlib-arm-none-eabi",
    ),
    "picolibc rv32imac": Library(
        chip="virt",
        target=RISCV32,
        dialect=RV32,
        libc=Path("/usr/lib/picolibc/riscv64-unknown-elf/lib/rv32imac/ilp32/libc.a"),
        libgcc=_GCC / "riscv64-unknown-elf/12.2.0/rv32imac/ilp32/libgcc.a",
        package="picolibc-riscv64-unknown-elf",
    ),
}

MANIFEST = """
manifest-version = 1
isolation = "mpu"

[target]
chip = "{chip}"
libraries = ["{libgcc}"]

[kernel]
stack = "1K"

[component.sorter]
objects = ["{libc}"]
entry = "qsort"
exports = ["bsearch"]
stack = 512

[component.text]
objects = ["{libc}"]
entry = "strstr"
exports = ["strrchr", "strspn"]
stack = 256
trust = "untrusted"
heap = 256

[component.random]
objects = ["{libc}"]
entry = "rand_r"
stack = 256
trust = "untrusted"
"""

NAMED = (
    *("LP_STATIC", "LP_DYNAMIC", "LP_GRANTS", "LP_TASKS", "LP_ENTRIES", "LP_INTERRUPTS", "LP_HASH"),
    *("__lp_hash", "__lp_init_start", "__lp_init_shared", "__lp_init_end", "__lp_kernel_stack_end"),
)
"""What a switch reads: `verify` wants the kernel to name all of it."""

ARM_KERNEL = (
    '.section .vector_table.reset,"a"\n.word __lp_kernel_stack_end\n.word Reset\n.fill 14, 4, 0\n'
    '.section .text.Reset,"ax"\n.global Reset\n.thumb_func\nReset:\n'
    + "".join(f" ldr r0, ={name}\n" for name in NAMED)
    + " b .\n"
)
RISCV_KERNEL = (
    '.section .init,"ax"\n.global _start\n_start:\n'
    + "".join(f" la a0, {name}\n" for name in (*NAMED, "LP_DYNAMIC_CFG"))
    + " la a0, _start\n .insn i 0x73, 1, x0, a0, 0x305\n b .\n"  # csrw mtvec, a0
)


def table_object(library: Library, folder: Path) -> Path:
    """The generated table, compiled for its target."""
    root = folder / "table.rs"
    root.write_text('#![no_std]\ninclude!("out/region_table.rs");\n')
    command = [*rustc_for(library.target), "--edition", "2024", "--crate-type", "lib", "--emit=obj", "-Cpanic=abort"]
    subprocess.run([*command, "-o", str(folder / "table.o"), str(root)], check=True)
    return folder / "table.o"


@pytest.mark.parametrize("linker", ["gnu", "lld"])
@pytest.mark.parametrize("name", LIBRARIES)
def test_members_of_a_c_library_are_sealed_planned_linked_and_verified(name: str, linker: str, tmp_path: Path) -> None:
    library = LIBRARIES[name]
    for path in (library.libc, library.libgcc):
        if not path.exists():
            missing(str(path), library.package)
    manifest = tmp_path / "layout.toml"
    manifest.write_text(MANIFEST.format(chip=library.chip, libc=library.libc, libgcc=library.libgcc))
    result = plan(PlanRequest(manifest=manifest, out=tmp_path / "out"))
    assert result.status is ExitStatus.YES, result.faults
    source = ARM_KERNEL if library.dialect is THUMB else RISCV_KERNEL
    objects = [
        table_object(library, tmp_path),
        assemble(source, tmp_path / "kernel.o", library.dialect),
        *result.objects,
    ]
    flags = ("--no-relax",) if library.dialect is RV32 else ()
    elf = tmp_path / "firmware.elf"
    linked = link(linker, result.script, objects, elf, *flags, dialect=library.dialect)
    assert linked.returncode == 0, linked.stderr
    verdict = verify(elf, plan_file=tmp_path / "out" / "plan.json", manifest=None, environ={})
    assert verdict.holds, (verdict.findings, verdict.unknown)
    assert verdict.obligations > 10
    symbols = read(elf).symbols
    assert {"qsort", "bsearch", "strstr", "strrchr", "strspn", "rand_r"} <= symbols.keys()
