"""A firmware on the real cortex-m-rt, built by cargo with the sample's components beside it, and verified."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from layoutplan.pipeline import verify
from tests.render.image import read
from tests.render.objects import rust_lld
from tests.toolchain import ARMV7M, IN_CI, ROOT, rustc, sysroot, tool

SAMPLE = ROOT / "samples" / "flight_controller"

PACKAGE = """
[package]
name = "firmware"
version = "0.0.0"
edition = "2024"

[workspace]

[dependencies]
cortex-m-rt = "=0.7.7"
"""

BUILD = """
use std::process::{Command, Stdio, exit};

fn main() {
    let result = Command::new(std::env::var("LAYOUTPLAN").unwrap())
        .args(["solve", "--cargo=bins", "--link-style", "cortex-m-rt", "--out", &std::env::var("OUT_DIR").unwrap()])
        .arg("layout.toml")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    print!("{}", String::from_utf8_lossy(&result.stdout));
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    if !result.status.success() {
        exit(1);
    }
}
"""

MAIN = """
#![no_std]
#![no_main]

use core::ptr::read_volatile;

mod table {
    include!(concat!(env!("OUT_DIR"), "/region_table.rs"));
}

unsafe extern "C" {
    static __lp_hash: u64;
    static __lp_init_start: u32;
    static __lp_init_shared: u32;
    static __lp_init_end: u32;
}

static mut COUNT: u32 = 7;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[cortex_m_rt::entry]
fn main() -> ! {
    loop {
        unsafe {
            read_volatile(&raw const table::LP_STATIC);
            read_volatile(&raw const table::LP_DYNAMIC);
            read_volatile(&raw const table::LP_GRANTS);
            read_volatile(&raw const table::LP_TASKS);
            read_volatile(&raw const table::LP_ENTRIES);
            read_volatile(&raw const table::LP_INTERRUPTS);
            read_volatile(&raw const table::LP_HASH);
            read_volatile(&raw const __lp_hash);
            read_volatile(&raw const __lp_init_start);
            read_volatile(&raw const __lp_init_shared);
            read_volatile(&raw const __lp_init_end);
            (&raw mut COUNT).write_volatile(read_volatile(&raw const COUNT) + 1);
        }
    }
}
"""


def test_cargo_links_the_sample_beside_cortex_m_rt(tmp_path: Path) -> None:
    cargo = tool("cargo", "cargo")
    shutil.copytree(SAMPLE / "objects" / "armv7m", tmp_path / "objects" / "armv7m")
    shutil.copy(SAMPLE / "layout.toml", tmp_path / "layout.toml")
    (tmp_path / "Cargo.toml").write_text(PACKAGE)
    (tmp_path / "build.rs").write_text(BUILD)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.rs").write_text(MAIN)
    environ = {
        **os.environ,
        "LAYOUTPLAN": str(Path(sys.executable).with_name("layoutplan")),
        "RUSTC": rustc(),
        "CARGO_TARGET_THUMBV7M_NONE_EABI_LINKER": rust_lld(),
        "CARGO_TARGET_THUMBV7M_NONE_EABI_RUSTFLAGS": f"--sysroot {sysroot()} -Cpanic=abort",
    }
    fetched = subprocess.run([cargo, "fetch", "--quiet"], cwd=tmp_path, env=environ, capture_output=True, check=False)
    if fetched.returncode != 0:
        reason = "crates.io is not reachable"
        pytest.fail(reason) if IN_CI else pytest.skip(reason)
    command = [cargo, "build", "--release", "--quiet", "--target", ARMV7M]
    built = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    elf = tmp_path / "target" / ARMV7M / "release" / "firmware"
    image = read(elf)
    assert image.words(0, 4) == (image.symbols["__lp_kernel_stack_end"],)
    load = image.symbols["__lp_kernel_data_load"]
    assert image.words(load, load + 4) == (7,), "what cortex-m-rt copies at start"
    (plan_file,) = (tmp_path / "target").rglob("plan.json")
    verdict = verify(elf, plan_file=plan_file, manifest=None, environ={})
    assert verdict.holds, (verdict.findings, verdict.unknown)
