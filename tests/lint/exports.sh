#!/bin/bash
# Fails unless OSSL_provider_init is the provider module's only export.
#   exports.sh KEYSTORE.SO
set -euo pipefail

exports=$(nm -D --defined-only "$1" | awk '{ print $3 }')
if [ "$exports" != OSSL_provider_init ]; then
    echo "$1: exports, besides OSSL_provider_init:"
    grep -vx OSSL_provider_init <<<"$exports"
    exit 1
fi
