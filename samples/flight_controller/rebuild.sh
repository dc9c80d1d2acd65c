#!/bin/bash
# rebuild.sh [OUT]: builds the sample's components from source and seals them into OUT (default objects/armv7m).
#
# `layoutplan seal` makes one relocatable object per component, with its own copy of the runtime that it reaches, every
# global but the entry made local, and every allocated section named `.lp.<component>.*`, so that no linker script but
# the plan's claims it. LAYOUTPLAN names the tool where it is not on PATH.
#
# Needs rustc (see ../toolchain/mk_sysroot.sh) and GNU or LLVM ld and objcopy that know Arm.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/objects/armv7m}
target=thumbv7m-none-eabi
rustc=${RUSTC:-/usr/bin/rustc}
sysroot=$(RUSTC=$rustc "$here/../toolchain/mk_sysroot.sh" "${SYSROOT:-$here/../../.toolchain/sysroot}" "$target")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

for component in attitude gps mixer telemetry; do
    # Paths are remapped: the same source gives the same bytes in every checkout.
    (cd "$here/components" && "$rustc" --sysroot "$sysroot" --target "$target" --edition 2024 --crate-type lib \
        --crate-name "$component" --emit "obj=$work/$component.o" -Cpanic=abort -Copt-level=2 -Ccodegen-units=1 \
        -Cembed-bitcode=no --remap-path-prefix "$here=." -Dwarnings "$component.rs")
done

# The sample's own manifest, with the objects as they come from the compiler and the runtime that they may draw on.
runtime=("$sysroot/lib/rustlib/$target/lib"/lib{core,compiler_builtins}*.rlib)
libraries=$(printf '"%s", ' "${runtime[@]}")
sed -e "s|objects/armv7m/|$work/|" -e "/^chip = /a libraries = [${libraries%, }]" "$here/layout.toml" >"$work/layout.toml"
"${LAYOUTPLAN:-layoutplan}" seal "$work/layout.toml" --out "$work/sealed" >/dev/null
cp "$work"/sealed/*.o "$out/"
"$rustc" --version >"$out/rustc-version"
