//! Plans the layout before the link: `layoutplan solve --cargo` prints what cargo must know.
//!
//! `LAYOUTPLAN` names the tool where it is not on PATH. `FLIGHT_CONTROLLER_MANIFEST` names another manifest than the
//! target's own: `layout-off.toml` builds the firmware of `layout.toml` without isolation.

use std::env;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio, exit};

fn main() {
    println!("cargo:rerun-if-env-changed=LAYOUTPLAN");
    println!("cargo:rerun-if-env-changed=FLIGHT_CONTROLLER_MANIFEST");
    let tool = env::var("LAYOUTPLAN").unwrap_or_else(|_| "layoutplan".into());
    let target = env::var("TARGET").expect("cargo sets TARGET");
    let own = match target.as_str() {
        "thumbv7m-none-eabi" => "layout.toml",
        "thumbv8m.main-none-eabi" => "layout-an505.toml",
        "riscv32imac-unknown-none-elf" => "layout-virt.toml",
        _ => {
            eprintln!("error: no manifest is for `{target}`; the README names the three targets that have one");
            exit(1);
        }
    };
    // Stable Rust shows a crate only `target_arch = "arm"`.
    println!("cargo:rustc-check-cfg=cfg(armv8m)");
    if target.starts_with("thumbv8m") {
        println!("cargo:rustc-cfg=armv8m");
    }
    let manifest = env::var("FLIGHT_CONTROLLER_MANIFEST").unwrap_or_else(|_| own.into());
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the sample's folder is above this crate");
    let result = Command::new(&tool)
        .args(["solve", "--cargo=bins"])
        .arg(sample.join(manifest))
        .stderr(Stdio::inherit())
        .output();
    let output = match result {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("error: `{tool}` is not there: `pip install layoutplan`, or set LAYOUTPLAN to its path");
            exit(1);
        }
        Err(error) => {
            eprintln!("error: `{tool}` cannot be run: {error}");
            exit(1);
        }
    };
    print!("{}", String::from_utf8_lossy(&output.stdout));
    if !output.status.success() {
        exit(1);
    }
}
