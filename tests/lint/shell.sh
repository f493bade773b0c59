#!/bin/bash
# Runs shellcheck over every shell script.
set -euo pipefail
cd "$(dirname "$0")/../.."

grep -rlIE --exclude-dir=.git --exclude-dir=build \
    '^#!/(usr/)?bin/(env )?(ba)?sh' . |
    sort | xargs shellcheck --external-sources --source-path=SCRIPTDIR
