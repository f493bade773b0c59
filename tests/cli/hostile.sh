#!/bin/bash
# Arguments, environments and files that nobody means well with: an error
# that names the thing, the right exit code, nothing overwritten.
#   hostile.sh CAADM
set -euo pipefail
caadm=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
umask 022
export HOME=$work CAADM_HOME="$work/it is" OPENSSL_CONF=/dev/null LC_ALL=C
unset CAADM_CONFIG XDG_CONFIG_HOME
failed=0

fail() {
    echo "hostile: $*: $(cat out err)" >&2
    failed=1
}

# expect CODE PATTERN COMMAND...: PATTERN is in what it says, if not empty.
expect() {
    local rc=0 want=$1 pattern=$2

    shift 2
    "$caadm" "$@" >out 2>err </dev/null || rc=$?
    [ "$rc" -eq "$want" ] || fail "exit $rc, not $want: ${*:0:200}"
    [ -z "$pattern" ] || grep -aq -e "$pattern" err || fail "no $pattern: $*"
}

echo secret >pw.txt
chmod 600 pw.txt
expect 0 "export CAADM_HOME=\"$work/it is\"" init --home "it is" --passphrase file:pw.txt
expect 4 '[-]-passphrase: file:nope: cannot read the passphrase: No such' \
    init --home other --passphrase file:nope
expect 0 '' ca create root --subject CN=root --out root.pem

# What can be said on a terminal: no controls, no turned text, only UTF-8.
expect 3 '^caadm: error: ca show: ?a: no such CA' ca show $'\xffa'
expect 3 'show: a?b?' ca show $'a\xe2\x80\xaeb\xc2\x85'
expect 3 'show: \?' ca show $'\xed\xa0\x80'
expect 3 $'show: \xc3\xbc: no' ca show $'\xc3\xbc'
expect 2 'longer than' cert show "$(printf '%05000d' 7)"
expect 2 '[-]-limit: 0: at least 1' cert list --limit 0
expect 2 '[-]-ext: foo: unknown extension' cert issue --ca root --san a.b \
    --backend default --ext foo=bar
expect 2 'dns:?.example: not UTF-8' cert issue --ca root \
    --backend default --san $'\xff.example'
expect 2 '[-]-copy: nope: unknown extension' cert issue --ca root --san a.b \
    --backend default --copy nope
expect 2 '[-]-permit-name: dns:foo_' ca create sub --subject CN=sub \
    --parent root --permit-name dns:foo_
expect 1 'default/root: the key is already that of the CA root' ca create again \
    --subject CN=again --key keystore://default/root
expect 2 'not a whole number' cert issue --ca root --san a.b --backend default \
    --days -1

# --out
echo mine >exists
mkdir dir
ln -s exists link
ln -s nowhere dangling
mkfifo fifo
expect 1 'exists: file exists' ca show root --out exists
expect 2 'is a directory' ca show root --out dir --force
expect 2 'symbolic link' ca show root --out link --force
expect 2 'symbolic link' ca show root --out dangling --force
expect 2 'not a regular' ca show root --out fifo --force
expect 2 'not a regular' ca show root --out /dev/null --force
expect 3 'no/such' ca show root --out no/such
[ "$(cat exists)" = mine ] || fail "exists was changed"
[ ! -e nowhere ] || fail "wrote through a link"
[ -z "$(find . -name '*.tmp')" ] || fail "left $(find . -name '*.tmp')"

# Standard output that takes nothing, and a closed one.
"$caadm" ca list >/dev/full 2>err && fail "full output"
rc=0
"$caadm" ca show root --format pem >&- 2>err || rc=$?
[ "$rc" -eq 5 ] || fail "closed output: exit $rc"
rc=0
"$caadm" ca list <&- >out 2>&- || rc=$?
[ "$rc" -eq 0 ] || fail "closed input and errors: exit $rc"
"$caadm" ca show root | head -c 1 >out

# Homes
ln -s "it is" linked
CAADM_HOME=linked expect 0 '' key test keystore://default/root
CAADM_HOME=missing expect 3 'missing/caadm.conf' key list
CAADM_HOME=exists expect 3 'exists/caadm.conf' key list
chmod 770 "it is"
expect 0 'can be changed by others' key list
chmod 700 "it is"
(
    unset CAADM_HOME HOME
    expect 3 'HOME is not set' key list
    exit $failed
) || failed=1
(
    umask 000
    export CAADM_HOME=$work/open
    expect 0 '' init --passphrase file:pw.txt
    expect 0 '' key create keystore://default/k
    exit $failed
) || failed=1
[ -z "$(find open -perm /077)" ] || fail "open to others: $(find open -perm /077)"

# Without a passphrase, or with the wrong one: which option helps.
sed -i '/^passphrase/d' open/caadm.conf
export CAADM_HOME=$work/open
expect 4 'hint: --passout' key create keystore://default/n
expect 4 'hint: --passin' key test keystore://default/k
echo 'passphrase = file:../exists' >>open/caadm.conf
expect 4 'hint: --passin' key test keystore://default/k

# A line of errors is one write.
if strace -qq -e trace=none true 2>err; then
    strace -qq -e trace=write -e write=none -o calls "$caadm" ca show nope \
        2>err || true
    [ "$(grep -c '^write(2' calls)" -eq "$(wc -l <err)" ] || fail "writes"
fi
exit $failed
