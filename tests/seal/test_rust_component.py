"""A component in Rust that panics and formats numbers, sealed with its own runtime by every kind of tools."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from layoutplan.model.component import Component
from layoutplan.objects import SectionFlag
from layoutplan.seal import is_sealed
from tests.seal.sources import sealed
from tests.toolchain import ARMV7M, rustc_for, sysroot

SOURCE = """
#![no_std]
use core::fmt::Write;

static mut LAST: [u8; 32] = [0; 32];

struct Line<'a>(&'a mut [u8], usize);

impl Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for byte in text.bytes() {
            self.0[self.1] = byte;
            self.1 += 1;
        }
        Ok(())
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[unsafe(no_mangle)]
pub extern "C" fn uart_main() -> ! {
    let mut line = [0; 32];
    let mut count = 0u32;
    loop {
        let _ = write!(Line(&mut line, 0), "{count} {:x}", count * 3);
        unsafe { (&raw mut LAST).write_volatile(line) };
        count += 1;
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn SysTick() {}
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled before a fixture narrows PATH and RUSTC."""
    folder = tmp_path_factory.mktemp("rust")
    (folder / "uart.rs").write_text(SOURCE)
    command = [*rustc_for(), "--edition", "2024", "--crate-type", "lib", "--emit=obj", "-Cpanic=abort", "-Copt-level=2"]
    subprocess.run([*command, "-o", str(folder / "uart.o"), str(folder / "uart.rs")], check=True)
    return folder / "uart.o"


@pytest.fixture(scope="module")
def libraries() -> tuple[Path, ...]:
    """The compiler's own runtime archives."""
    return tuple(sorted((sysroot() / "lib" / "rustlib" / ARMV7M / "lib").glob("*.rlib")))


def test_a_component_brings_its_own_runtime(
    compiled: Path, libraries: tuple[Path, ...], toolchain: str, tmp_path: Path
) -> None:
    asked = Component(name="uart", partition="uart", objects=(compiled,), entry="uart_main")
    found = sealed(asked, tmp_path / "sealed.o", libraries=libraries)
    assert found.defined == {"uart_main"}
    assert found.undefined == frozenset()
    assert is_sealed(asked, tmp_path / "sealed.o", frozenset())
    code = sum(section.size for section in found.allocated if SectionFlag.EXECINSTR in section.flags)
    assert 500 < code < 8000, f"formatting comes along, the rest of core does not ({toolchain})"
    assert not any("SysTick" in section.name for section in found.elf.sections)
