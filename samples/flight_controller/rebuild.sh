#!/bin/bash
# rebuild.sh [OUT [ARCH...]]: builds the sample's components from source and seals them into OUT/ARCH (default: objects,
# and armv7m armv8m riscv32).
#
# `layoutplan seal` makes one relocatable object per component, with its own copy of the runtime that it reaches, every
# global but the entry made local, and every allocated section named `.lp.<component>.*`, so that no linker script but
# the plan's claims it. LAYOUTPLAN names the tool where it is not on PATH.
#
# Needs rustc (see ../toolchain/mk_sysroot.sh) and GNU or LLVM ld and objcopy that know the architecture.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/objects}
shift $(($# > 0))
architectures=("$@")
[ ${#architectures[@]} -gt 0 ] || architectures=(armv7m armv8m riscv32)
rustc=${RUSTC:-/usr/bin/rustc}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() {
    local architecture=$1 target=$2 manifest=$3 sysroot component
    shift 3
    sysroot=$(RUSTC=$rustc "$here/../toolchain/mk_sysroot.sh" "${SYSROOT:-$here/../../.toolchain/sysroot}" "$target")
    mkdir -p "$work/$architecture" "$out/$architecture"

    for component in attitude gps mixer telemetry; do
        # Paths are remapped: the same source gives the same bytes in every checkout.
        (cd "$here/components" && "$rustc" --sysroot "$sysroot" --target "$target" --edition 2024 --crate-type lib \
            --crate-name "$component" --emit "obj=$work/$architecture/$component.o" -Cpanic=abort -Copt-level=2 \
            -Ccodegen-units=1 -Cembed-bitcode=no --remap-path-prefix "$here=." --check-cfg 'cfg(armv8m)' "$@" \
            -Dwarnings "$component.rs")
    done

    # The sample's own manifest, with the objects as they come from the compiler and the runtime that they may draw on.
    local runtime=("$sysroot/lib/rustlib/$target/lib"/lib{core,compiler_builtins}*.rlib) libraries
    libraries=$(printf '"%s", ' "${runtime[@]}")
    sed -e "s|objects/$architecture/|$work/$architecture/|" -e "/^chip = /a libraries = [${libraries%, }]" \
        "$here/$manifest" >"$work/$manifest"
    "${LAYOUTPLAN:-layoutplan}" seal "$work/$manifest" --out "$work/$architecture/sealed" >/dev/null
    cp "$work/$architecture"/sealed/*.o "$out/$architecture/"
    "$rustc" --version >"$out/$architecture/rustc-version"
}

for architecture in "${architectures[@]}"; do
    case $architecture in
        armv7m) build armv7m thumbv7m-none-eabi layout.toml ;;
        armv8m) build armv8m thumbv8m.main-none-eabi layout-an505.toml --cfg armv8m ;;
        riscv32) build riscv32 riscv32imac-unknown-none-elf layout-virt.toml ;;
        *) echo "usage: $0 [OUT [armv7m|armv8m|riscv32]...]" >&2; exit 2 ;;
    esac
done
