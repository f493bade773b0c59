#!/bin/bash
# Fails when a header does not compile alone, as C11; or when those that are
# installed, for the authors of backends, do not without the others, as C11
# and as C++.
set -euo pipefail
cd "$(dirname "$0")/../.."

warn="-Wall -Wextra -Werror -D_GNU_SOURCE"
rc=0
# alone COMPILER HEADER FOLDER...: with nothing but FOLDERs to include from.
alone() {
    local compiler=$1 header=$2 folder options=
    shift 2
    for folder in "$@"; do
        options+=" -I$folder"
    done
    # shellcheck disable=SC2086 # lists of words
    printf '#include "%s"\n' "$header" |
        $compiler $warn $options -fsyntax-only - || rc=1
}

warn+=" $(pkg-config --cflags p11-kit-1)"
while read -r header; do
    alone "gcc -x c -std=c11" "$PWD/$header" "$(dirname "$header")" \
        store/include provider cli cli/ca store
done < <(find provider store hsm cli -name '*.h')

installed=$(mktemp -d)
trap 'rm -rf "$installed"' EXIT
sed -n '/^set(HEADERS/,/)/s/^ *\(ks_[a-z_]*\.h\).*/\1/p' \
    store/devel/CMakeLists.txt >"$installed/list"
grep -q ks_backend.h "$installed/list"
while read -r header; do
    cp "store/include/$header" "$installed"
done <"$installed/list"
for header in "$installed"/*.h; do
    alone "gcc -x c -std=c11" "$header" "$installed"
    alone "g++ -x c++ -std=c++17" "$header" "$installed"
done
exit $rc
