#!/bin/bash
# Fails when the tree names a place that exists on one machine only, holds a
# mark of unfinished work, a C++ comment, or a tab or blank at a line's end.
set -euo pipefail
cd "$(dirname "$0")/../.."
rc=0

# refuse WHY PATTERN grep-arguments...: every line that matches is a fault.
refuse() {
    local why=$1 pattern=$2
    shift 2
    if grep -rnIE --exclude-dir=.git --exclude-dir=build \
        -e "$pattern" "$@" --exclude=LICENSE; then
        echo "^ $why"
        rc=1
    fi
}

refuse "a path of one machine" '(^|[^A-Za-z0-9_.$}])/(home|root|tmp|work)/' \
    --exclude-dir=tests .
refuse "unfinished work" '\b(TO''DO|FIX''ME|XX''X)\b' .
refuse "a comment of C++" '(^|[[:blank:];{}])//' \
    --include='*.[ch]' provider store hsm cli tests
refuse "a blank at the end of a line" '[[:blank:]]$' \
    --include='*.[ch]' --include='*.sh' --include='*.txt' --include='*.md' .
exit $rc
