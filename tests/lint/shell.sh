#!/bin/bash
# Runs shellcheck over every shell script.
set -euo pipefail
cd "$(dirname "$0")/../.."

options=(--external-sources --source-path=SCRIPTDIR --severity=warning
    --exclude=SC2238)
mapfile -t programs < <(grep -rlIE --exclude-dir=.git --exclude-dir=build \
    '^#!/(usr/)?bin/(env )?(ba)?sh' . | sort)
mapfile -t parts < <(find tests scripts -name '*.sh' | sort)
shellcheck "${options[@]}" "${programs[@]}"
shellcheck "${options[@]}" --shell=bash "${parts[@]}"
