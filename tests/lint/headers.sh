#!/bin/bash
# Fails when a header does not compile alone: the public ones as C11 and as
# C++, for the authors of backends, the private ones as C11.
set -euo pipefail
cd "$(dirname "$0")/../.."

warn="-Wall -Wextra -Werror -D_GNU_SOURCE $(pkg-config --cflags p11-kit-1)"
rc=0
alone() {
    # shellcheck disable=SC2086 # a list of words
    printf '#include "%s"\n' "$PWD/$2" |
        $1 $warn -fsyntax-only -Istore/include -I"$(dirname "$2")" \
            -Iprovider -Icli -Icli/ca -Istore - || rc=1
}

for header in store/include/*.h; do
    alone "gcc -x c -std=c11" "$header"
    alone "g++ -x c++ -std=c++17" "$header"
done
while read -r header; do
    alone "gcc -x c -std=c11" "$header"
done < <(find provider store hsm cli -name '*.h' -not -path '*/include/*' \
    2>/dev/null)
exit $rc
