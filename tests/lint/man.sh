#!/bin/bash
# Fails when a manual page is not clean mdoc, or when caadm.conf(5) and the
# table of settings (store/config/config_keys.c) do not name the same settings.
#   man.sh SETTINGS   the program that prints "section key" lines
set -euo pipefail
cd "$(dirname "$0")/../.."
rc=0

for page in docs/man/*.[1-9]; do
    mandoc -Tlint -Wwarning "$page" || rc=1
done

# A list of settings in the page opens with: .\" settings: SECTION
documented() {
    awk '/^\.\\" settings: / { sub(/.*settings: /, ""); section = $0 }
         /^\.El/ { section = "" }
         section != "" && /^\.It Cm / { print section, $3 }' \
        docs/man/caadm.conf.5 | sort
}
if ! diff <("$1" | sort) <(documented); then
    echo "caadm.conf.5 and the table of settings differ (< table, > page)"
    rc=1
fi
exit $rc
