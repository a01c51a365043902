#!/bin/bash
# Prepares the fallback toolchain, once per machine: Debian's rustc-web and LLVM 22, a patched copy of std's source, and
# our linker `sbf-link`. Returns at once when nothing changed. First time about 5 minutes, most of it sbf-link.
# Everything it writes lives in ${XDG_CACHE_HOME:-~/.cache}/permitpipe/sbf.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${XDG_CACHE_HOME:-$HOME/.cache}/permitpipe/sbf
rustc=/usr/bin/rustc # Debian's, beside whatever rustup installed
export LLVM_PREFIX=${LLVM_PREFIX:-/usr/lib/llvm-22}
die() { echo "sbf setup: $*" >&2; exit 1; }

# What the result depends on; equal to the stamp means nothing to do.
want=$(cd "$here" && { cat setup.sh Cargo.toml Cargo.lock build.rs backend.cpp src/*.rs sbpf-solana.json
                       "$rustc" -V; echo "$LLVM_PREFIX"; } 2>/dev/null | sha256sum)
[ "$(cat "$home/stamp" 2>/dev/null)" != "$want" ] || exit 0
mkdir -p "$home/bin"
exec 9>"$home/setup.lock"
flock 9
[ "$(cat "$home/stamp" 2>/dev/null)" != "$want" ] || exit 0 # another one did it while we waited

# 1. Packages: 251 MB to download, 1.5 GB on disk.
packages="rustc-web libstd-rust-web-dev-bpf rust-web-src llvm-22-dev g++"
# shellcheck disable=SC2086 # a list
if ! dpkg -s $packages >/dev/null 2>&1; then
  install="apt-get install -y --no-install-recommends $packages"
  if [ "$(id -u)" = 0 ]; then
    echo "sbf setup: installing $packages" >&2
    { apt-get update -q && $install; } >&2 || die "cannot install: $packages"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    echo "sbf setup: installing $packages" >&2
    { sudo apt-get update -q && sudo $install; } >&2 || die "cannot install: $packages"
  else
    die "packages are missing; as root, run: apt-get update && $install"
  fi
fi
"$rustc" -vV | grep -q '^LLVM version: 22\.' || die "$rustc does not use LLVM 22, as the linker does"

# 2. std's source, patched. Only when rustc or a patch changes, since it makes cargo build std anew.
library=/usr/src/rustc-$("$rustc" -V | cut -d' ' -f2)/library
[ -d "$library" ] || die "no std source in $library (package rust-web-src)"
mem=compiler-builtins/compiler-builtins/src/mem/mod.rs
patches=(
  # The architecture's allocation alignment, which std does not know: 8 in the Solana VM.
  'std/src/sys/alloc/mod.rs|s/panic!("add a value for MIN_ALIGN")/8/'
  # std calls itself unstable on targets it does not know.
  'std/build.rs|/cargo:rustc-cfg=restricted_std/d'
  # HashMap's keys: no random numbers and no writable statics on chain (Anchor's duplicate-account check uses one).
  'std/src/hash/random.rs|s/pub fn new() -> RandomState {/&\n        return RandomState { k0: 0, k1: 0 };/'
  # Copying, filling and comparing more than a few bytes is a system call, as with platform-tools: 10 units for 250 bytes.
  "$mem|s/^mod impls;/&\nunsafe extern \"C\" {\n    fn sol_memcpy_(to: *mut u8, from: *const u8, n: u64);\n    fn sol_memmove_(to: *mut u8, from: *const u8, n: u64);\n    fn sol_memset_(to: *mut u8, byte: u8, n: u64);\n    fn sol_memcmp_(a: *const u8, b: *const u8, n: u64, result: *mut i32);\n}/"
  "$mem|s/fn memcpy(.*{$/&\n        if n > 32 { sol_memcpy_(dest, src, n as u64); return dest; }/"
  "$mem|s/fn memmove(.*{$/&\n        if n > 32 { sol_memmove_(dest, src, n as u64); return dest; }/"
  "$mem|s/fn memset(.*{$/&\n        if n > 32 { sol_memset_(s, c as u8, n as u64); return s; }/"
  "$mem|s/fn memcmp(.*{$/&\n        if n > 32 { let mut result = 0; sol_memcmp_(s1, s2, n as u64, \&mut result); return result; }/"
)
want_std=$("$rustc" -V; printf '%s\n' "${patches[@]}")
if [ "$(cat "$home/library/.patched" 2>/dev/null)" != "$want_std" ]; then
  rm -rf "$home/library"
  cp -r "$library" "$home/library"
  for patch in "${patches[@]}"; do
    file=$home/library/${patch%%|*}
    before=$(sha256sum <"$file")
    sed -i "${patch#*|}" "$file"
    [ "$(sha256sum <"$file")" != "$before" ] || die "patch changes nothing: $patch"
  done
  echo "$want_std" >"$home/library/.patched"
fi
cp "$here/sbpf-solana.json" "$home/"

# 3. The linker.
(cd "$here" && env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS CARGO_TARGET_DIR="$home/target-linker" \
  cargo build --release --locked) >&2 || die "sbf-link does not build"
cp "$home/target-linker/release/sbf-link" "$home/bin/sbf-link.new"
mv "$home/bin/sbf-link.new" "$home/bin/sbf-link"
# cargo does not see that the linker changed: missing outputs make it link again.
rm -f "$home"/target-v?/sbpf-solana/release/deps/*.so
echo "$want" >"$home/stamp"
