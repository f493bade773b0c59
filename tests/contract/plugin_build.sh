#!/bin/bash
# Builds docs/example-backend as its authors would: from an installed tree, by
# pkg-config and make.
#   plugin_build.sh BUILD OUT   CC, CFLAGS and LDFLAGS from the environment
set -euo pipefail
build=$1 out=$2

rm -rf "$out"
mkdir -p "$out"
unset DESTDIR MAKEFLAGS MAKELEVEL
cmake --install "$build" --component dev --prefix "$out/prefix"
example=$(find "$out/prefix" -type d -name example-backend)
cp "$example"/*.[ch] "$example/Makefile" "$out"
PKG_CONFIG_PATH=$(dirname "$(find "$out/prefix" -name '*.pc')")
export PKG_CONFIG_PATH
make -C "$out"
# One symbol leaves each, and nothing of ours.
for backend in material operation both; do
    exports=$(nm -D --defined-only "$out/$backend.so" | awk '{ print $3 }' |
        grep -v -e '^__' -e '^_fini$' -e '^_init$' || true)
    [ "$exports" = ks_backend ] || {
        echo "$backend.so exports: $exports" >&2
        exit 1
    }
done
