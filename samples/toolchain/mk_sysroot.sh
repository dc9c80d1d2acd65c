#!/bin/bash
# mk_sysroot.sh DIR [TARGET...]
#
# Makes sure that `core` and `compiler_builtins` exist for bare-metal targets, and prints the directory to pass as
# `rustc --sysroot`. Nothing else goes to stdout.
#
#   - A compiler that already has every target (`rustup target add ...`) needs nothing: its own sysroot is printed.
#   - Debian ships a compiler (rustc-web) and the library's source (rust-web-src), but no `core` for these targets. It
#     is built into DIR, once per target and compiler; a stamp makes the next run a matter of milliseconds.
#
# RUSTC names the compiler (default /usr/bin/rustc), RUST_LIBRARY its library source. Both must be of one version:
# `core` uses the compiler's unstable internals.
set -euo pipefail

[ $# -ge 1 ] || { echo "usage: $0 DIR [TARGET...]" >&2; exit 2; }
directory=$1
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(thumbv7m-none-eabi thumbv8m.main-none-eabi riscv32imac-unknown-none-elf)

rustc=${RUSTC:-/usr/bin/rustc}
own=$("$rustc" --print sysroot)
has_all() {
    local target
    for target in "${targets[@]}"; do
        compgen -G "$own/lib/rustlib/$target/lib/libcore-*.rlib" >/dev/null || return 1
    done
}
if has_all; then
    echo "$own"
    exit 0
fi

version=$("$rustc" --version | cut -d' ' -f2)
library=${RUST_LIBRARY:-/usr/src/rustc-$version/library}
if [ ! -d "$library/core/src" ]; then
    echo "error: $rustc $version has neither ${targets[*]} nor its library source in $library" >&2
    echo "hint: apt-get install rustc-web rust-web-src, or: rustup target add ${targets[*]} and RUSTC=\$(rustup which rustc)" >&2
    exit 1
fi
builtins=$library/compiler-builtins/compiler-builtins
stamp=$("$rustc" -vV; echo "$library"; cat "$0")
stamp=$(sha256sum <<<"$stamp" | cut -c1-16)

edition() { sed -n 's/^edition = "\(.*\)"/\1/p' "$1/Cargo.toml" | head -n1; }

# The two crates are the only users of RUSTC_BOOTSTRAP: what is built against them afterwards is stable Rust.
build() {
    local target=$1 final=$directory/lib/rustlib/$1/lib
    [ "$(cat "$final/stamp" 2>/dev/null)" != "$stamp" ] || return 0
    mkdir -p "$final"
    local out
    out=$(mktemp -d "$directory/lib/rustlib/$target/new.XXXXXX")
    local flags=(--crate-type rlib --target "$target" -Cpanic=abort -Zforce-unstable-if-unmarked --cap-lints allow
        --out-dir "$out")
    RUSTC_BOOTSTRAP=1 "$rustc" --edition "$(edition "$library/core")" --crate-name core -Copt-level=2 "${flags[@]}" \
        "$library/core/src/lib.rs"
    # `mem` brings memcpy and its kind, which a bare-metal link has from nowhere else.
    CFG_CARGO_FEATURES='["compiler-builtins","mem"]' CFG_OPT_LEVEL=3 CFG_TARGET_FEATURES='[]' RUSTC_BOOTSTRAP=1 \
        "$rustc" --edition "$(edition "$builtins")" --crate-name compiler_builtins -Copt-level=3 -Ccodegen-units=100 \
        "${flags[@]}" --extern "core=$out/libcore.rlib" --cfg 'feature="compiler-builtins"' --cfg 'feature="mem"' \
        --cfg 'feature="unstable-intrinsics"' --cfg intrinsics_enabled --cfg arch_enabled --cfg optimizations_enabled \
        "$builtins/src/lib.rs"
    # The stamp comes last, so that an interrupted build is never taken for a finished one.
    mv "$out"/*.rlib "$final/"
    echo "$stamp" >"$final/stamp"
    rmdir "$out"
    echo "built core for $target in $directory" >&2
}

mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
export -f build edition
export rustc library builtins stamp directory
printf '%s\n' "${targets[@]}" | xargs -P2 -I{} bash -euo pipefail -c 'build {}'
echo "$directory"
