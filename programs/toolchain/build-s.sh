#!/bin/bash
# Build a Solana program crate to an SBF ELF.
#   ./build-sbf.sh PKG_DIR [cargo args, e.g. --features x]
#   SBPF_ARCH=v0 (default) | v3      SBF_OUT=dir (default: WORKSPACE/target/deploy)
# Prints the path of the .so.  Dependencies and std are compiled once per SBF_HOME:
# the profile is fixed here, so every program and workspace shares them.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${XDG_CACHE_HOME:-$HOME/.cache}/permitpipe/sbf
[ $# -ge 1 ] && [ -f "$1/Cargo.toml" ] || { sed -n '2,4s/^# *//p' "$0" >&2; exit 2; }
manifest=$(cd "$1" && pwd)/Cargo.toml; shift
"$here/setup.sh"

export SBPF_ARCH=${SBPF_ARCH:-v0}
case $SBPF_ARCH in
  v0) cpu=v2 ;; v3) cpu=v4 ;; *) echo "SBPF_ARCH=$SBPF_ARCH: use v0 or v3" >&2; exit 2 ;;
esac
export RUSTC=${SBF_RUSTC:-/usr/bin/rustc} RUSTC_BOOTSTRAP=1
export __CARGO_TESTS_ONLY_SRC_ROOT=$home/library
export CARGO_TARGET_DIR=$home/target-s-$SBPF_ARCH CARGO_TARGET_SBPF_SOLANA_LINKER=$home/bin/sbf-link
export CARGO_PROFILE_RELEASE_{OPT_LEVEL=s,LTO=fat,CODEGEN_UNITS=1,PANIC=abort,OVERFLOW_CHECKS=true,DEBUG=false,INCREMENTAL=false}
# os is "zkvm" in the target file so that std compiles; programs must see "solana".
unset CARGO_ENCODED_RUSTFLAGS
export RUSTFLAGS="-Zunstable-options -C panic=immediate-abort -C relocation-model=static -C target-cpu=$cpu \
 -C target-feature=+allows-misaligned-mem-access --cfg target_os=\"solana\" -A explicit_builtin_cfgs_in_flags"

so=$(cargo build --manifest-path "$manifest" --lib --release --target "$home/sbpf-solana.json" \
       -Zjson-target-spec -Zbuild-std=std -Zbuild-std-features=compiler-builtins-mem \
       --message-format=json-render-diagnostics "$@" |
     sed -n '/"reason":"compiler-artifact"/s/.*"filenames":\[[^]]*"\([^"]*\.so\)".*/\1/p' | tail -1)
[ -n "$so" ] || { echo "$manifest: no cdylib built (crate-type must include \"cdylib\")" >&2; exit 1; }
root=$(dirname "$(cargo locate-project --workspace --message-format plain --manifest-path "$manifest")")
out=${SBF_OUT:-$root/target/deploy}; name=$(basename "$so"); mkdir -p "$out"
cp "$so" "$out/${name#lib}"
echo "$out/${name#lib}"
