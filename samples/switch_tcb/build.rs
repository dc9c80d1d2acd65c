//! Tells Armv6-M and Armv8-M from Armv7-M: stable Rust shows a crate only `target_arch = "arm"`.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(armv6m)");
    println!("cargo:rustc-check-cfg=cfg(armv8m)");
    let target = std::env::var("TARGET").unwrap_or_default();
    for architecture in ["armv6m", "armv8m"] {
        if target.starts_with(&architecture.replace("armv", "thumbv")) {
            println!("cargo:rustc-cfg={architecture}");
        }
    }
}
