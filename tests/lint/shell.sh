#!/bin/bash
# Runs shellcheck over every shell script.
set -euo pipefail
cd "$(dirname "$0")/../.."

options=(--external-sources --source-path=SCRIPTDIR --severity=warning
    --exclude=SC2238)
# By their first line: a script may have another one in it.
mapfile -t programs < <(grep -rnI -m1 --exclude-dir=.git --exclude-dir=build \
    '' . | sed -nE 's,^([^:]*):1:#!/(usr/)?bin/(env )?(ba)?sh.*,\1,p' | sort)
mapfile -t parts < <(find tests scripts -name '*.sh' | sort)
shellcheck "${options[@]}" "${programs[@]}"
shellcheck "${options[@]}" --shell=bash "${parts[@]}"
