#!/bin/bash
# Fails when a C file is not as clang-format leaves it.
set -euo pipefail
cd "$(dirname "$0")/../.."

find provider store hsm cli tests docs -name '*.[ch]' -print0 |
    xargs -0 clang-format --dry-run -Werror
