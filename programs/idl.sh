#!/bin/bash
# Writes the program's interface description to generated/idl.json (or to the file given). Deterministic.
# Needs no Anchor command line: the `idl-build` feature makes the program's own tests print the parts.
# First time about 1 minute, later 6 s.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/.."
parts=$(ANCHOR_IDL_BUILD_PROGRAM_PATH=$PWD/programs/permitpipe ANCHOR_IDL_BUILD_RESOLUTION=TRUE \
  cargo test --locked -p permitpipe-program --lib __anchor_private_print_idl --features idl-build \
  -- --show-output --quiet --test-threads=1)
mkdir -p generated
python3 "$here/idl.py" <<<"$parts" >"${1:-generated/idl.json}.new"
mv "${1:-generated/idl.json}.new" "${1:-generated/idl.json}"
