#!/bin/bash
# Once per machine (idempotent, returns at once when nothing changed): Debian's
# rustc-web + LLVM 22, a patched copy of std's source, and our linker `sbf-link`.
# Everything we write lives in ${SBF_HOME:-~/.cache/sbf}.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${XDG_CACHE_HOME:-$HOME/.cache}/permitpipe/sbf; rustc=${SBF_RUSTC:-/usr/bin/rustc}
export LLVM_PREFIX=${LLVM_PREFIX:-/usr/lib/llvm-22}
die() { echo "sbf setup: $*" >&2; exit 1; }

want=$(cd "$here" && { cat setup.sh Cargo.toml Cargo.lock build.rs shim.cpp src/*.rs sbpf-solana.json
                       "$rustc" -V; echo "$LLVM_PREFIX"; } 2>/dev/null | sha256sum)
[ "$(cat "$home/stamp" 2>/dev/null)" != "$want" ] || exit 0
mkdir -p "$home/bin"
exec 9>"$home/setup.lock"; flock 9

packages="rustc-web libstd-rust-web-dev-bpf rust-web-src llvm-22-dev g++"
if ! dpkg -s $packages >/dev/null 2>&1; then
  sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get install -y --no-install-recommends $packages || die "cannot install: $packages"
fi
"$rustc" -vV | grep -q '^LLVM version: 22\.' || die "$rustc does not use LLVM 22, as the linker does"

# std's source, patched.  Done only when rustc or a patch changes, since it makes
# cargo build std anew.
library=/usr/src/rustc-$("$rustc" -V | cut -d' ' -f2)/library
[ -d "$library" ] || die "no std source in $library (package rust-web-src)"
patches=(
  # The architecture's allocation alignment, which std does not know: 8 in the Solana VM.
  'std/src/sys/alloc/mod.rs|s/panic!("add a value for MIN_ALIGN")/8/'
  # std calls itself unstable on targets it does not know.
  'std/build.rs|/cargo:rustc-cfg=restricted_std/d'
  # HashMap's keys: no random numbers and no writable statics on chain (Anchor's
  # duplicate-account check uses a HashSet).
  'std/src/hash/random.rs|s/pub fn new() -> RandomState {/&\n        return RandomState { k0: 0, k1: 0 };/'
)
want_std=$("$rustc" -V; printf '%s\n' "${patches[@]}")
if [ "$(cat "$home/library/.patched" 2>/dev/null)" != "$want_std" ]; then
  rm -rf "$home/library"; cp -r "$library" "$home/library"
  for p in "${patches[@]}"; do
    file=$home/library/${p%%|*}; before=$(sha256sum <"$file")
    sed -i "${p#*|}" "$file"
    [ "$(sha256sum <"$file")" != "$before" ] || die "patch changes nothing: $p"
  done
  echo "$want_std" >"$home/library/.patched"
fi
cp "$here/sbpf-solana.json" "$home/"

(cd "$here" && env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS CARGO_TARGET_DIR="$home/target-linker" \
  cargo build --release --locked) || die "sbf-link does not build"
cp "$home/target-linker/release/sbf-link" "$home/bin/sbf-link.new"
mv "$home/bin/sbf-link.new" "$home/bin/sbf-link"
# cargo does not see that the linker changed: missing outputs make it link again.
rm -f "$home"/target-v?/sbpf-solana/release/deps/*.so
echo "$want" >"$home/stamp"
