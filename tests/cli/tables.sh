#!/bin/bash
# The tables of commands and options are what help, manual pages and
# completion say.
#   tables.sh CAADM FOLDER-OF-PAGES
set -euo pipefail
caadm=$1
pages=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work
unset CAADM_HOME CAADM_CONFIG XDG_CONFIG_HOME
rc=0

fail() {
    echo "tables: $*" >&2
    rc=1
}

# "command --option" lines of the tables, and of the pages, where each list
# of options opens with: .\" options: COMMAND
"$caadm" --list-commands | while read -r line; do
    name=${line%% --*}
    for option in $line; do
        case $option in
        --*) echo "$name ${option%%=*}" ;;
        esac
    done
done | sort >"$work/tables"
awk '/^\.\\" options: / { sub(/.*options: /, ""); name = $0 }
     /^\.El/ { name = "" }
     name != "" && /^\.It Fl / { print name, "-" $3 }' \
    "$pages"/caadm*.1 | sort >"$work/pages"
diff "$work/tables" "$work/pages" ||
    fail "options differ (< tables, > pages)"

# Every command has help, by three ways, with an example that parses, and a
# heading in the page of its noun.
"$caadm" --list-commands | sed 's/ *--.*//' | grep -v '^caadm$' \
    >"$work/commands"
while read -r noun verb; do
    "$caadm" "$noun" ${verb:+"$verb"} --help >"$work/help"
    "$caadm" help "$noun" ${verb:+"$verb"} | cmp -s - "$work/help" ||
        fail "$noun $verb: help and --help differ"
    grep -A1 '^Example:' "$work/help" |
        grep -q "^  caadm $noun${verb:+ $verb}" ||
        fail "$noun $verb: no example"
    [ -z "$verb" ] || grep -q "^\.Ss $noun $verb$" "$pages/caadm-$noun.1" ||
        fail "$noun $verb: not in caadm-$noun.1"
    [ "$(sed '/^Example:/,$d' "$work/help" | wc -L)" -le 80 ] || fail "$noun $verb: help is too wide"
    # Global options before, between and after.
    "$caadm" --quiet "$noun" ${verb:+"$verb"} --json --help |
        cmp -s - "$work/help" || fail "$noun $verb: global options"
done <"$work/commands"

# Completion offers what the tables have.
offers() {
    local want=$1

    shift
    "$caadm" --complete "$@" | grep -qxF -e "$want" ||
        fail "completion of '$*' lacks $want"
}
offers cert ce
offers issue cert ""
offers --profile cert issue --p
offers server cert issue --profile s
offers pem ca show --format ""
offers @file key import --in ""
offers @dir --home ""
[ -z "$("$caadm" --complete nonsense "" | head -1)" ] ||
    fail "completion of nonsense"
bash -n "$here/../../cli/completion/caadm.bash"
bash -c '. "$1"; PATH=$(dirname "$2"):$PATH
    COMP_WORDS=(caadm cert iss) COMP_CWORD=2; _caadm
    [ "${COMPREPLY[*]}" = issue ]' - \
    "$here/../../cli/completion/caadm.bash" "$caadm" ||
    fail "bash completion"
exit $rc
