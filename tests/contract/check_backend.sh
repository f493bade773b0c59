#!/bin/bash
# Holds a backend of anybody's to the contract: docs/backend.md, "Test it".
#   check_backend.sh BUILD PLUGIN KIND [KEY=VALUE...]
#     BUILD   the build folder of this tree
#     PLUGIN  the shared object
#     KIND    material or operation: which of its keys
#     KEY=VALUE...  its section of caadm.conf; relative paths are below a
#             folder that is new for each case
#   CONTRACT_DAMAGE   (material) a command that changes a bit of the private
#             half of the key $KEY; it runs in that folder
set -euo pipefail
build=$1 plugin=$2 kind=$3
shift 3

case $kind in
material)
    subject=plugin suites="backend_suite records processes"
    : "${CONTRACT_DAMAGE:?a command that damages the key \$KEY}"
    ;;
operation) subject=plugin_inside suites="backend_suite processes" ;;
*)
    echo "check_backend.sh: $kind: neither material nor operation" >&2
    exit 2
    ;;
esac
CONTRACT_PLUGIN=$(realpath "$plugin") CONTRACT_SETTINGS="type=$plugin $*"
export CONTRACT_PLUGIN CONTRACT_SETTINGS
for suite in $suites; do
    cmake --build "$build" --target "contract_${suite}_$subject" >/dev/null
    "$build/bin/contract_${suite}_$subject"
done
