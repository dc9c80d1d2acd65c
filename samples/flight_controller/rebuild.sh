#!/bin/bash
# rebuild.sh [OUT]: builds the sample's components from source and seals them into OUT (default objects/armv7m).
#
# One relocatable object per component, with its own copy of the runtime that it reaches, every global but the entry
# made local, and every allocated section named `.lp.<component>.*`, so that no linker script but the plan's claims it.
# Needs rustc (see ../toolchain/mk_sysroot.sh) and GNU or LLVM ld and objcopy that know Arm.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/objects/armv7m}
target=thumbv7m-none-eabi
rustc=${RUSTC:-/usr/bin/rustc}
sysroot=$(RUSTC=$rustc "$here/../toolchain/mk_sysroot.sh" "${SYSROOT:-$here/../../.toolchain/sysroot}" "$target")
runtime=$sysroot/lib/rustlib/$target/lib
ld=${LD:-arm-none-eabi-ld}
objcopy=${OBJCOPY:-arm-none-eabi-objcopy}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

for component in attitude gps mixer telemetry; do
    # Paths are remapped: the same source gives the same bytes in every checkout.
    (cd "$here/components" && "$rustc" --sysroot "$sysroot" --target "$target" --edition 2024 --crate-type lib \
        --crate-name "$component" --emit "obj=$work/$component.o" -Cpanic=abort -Copt-level=2 -Ccodegen-units=1 \
        -Cembed-bitcode=no --remap-path-prefix "$here=." -Dwarnings "$component.rs")
    "$ld" -r --gc-sections -u "${component}_main" -e "${component}_main" "$work/$component.o" \
        "$runtime"/libcore*.rlib "$runtime"/libcompiler_builtins*.rlib -o "$work/merged.o"
    "$objcopy" --keep-global-symbol="${component}_main" --prefix-alloc-sections=".lp.$component" --strip-debug \
        -R .llvmbc -R .llvmcmd -R .comment -R '.ARM.exidx*' --wildcard --strip-unneeded-symbol='__aeabi_*' "$work/merged.o" "$out/$component.o"
done
"$rustc" --version >"$out/rustc-version"
