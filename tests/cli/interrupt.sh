#!/bin/bash
# A signal during a long generation stops it soon, with exit code 7, and
# nothing is left half made.
#   interrupt.sh CAADM
set -euo pipefail
caadm=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
umask 077
export HOME=$work CAADM_HOME=$work/pki OPENSSL_CONF=/dev/null
unset CAADM_CONFIG XDG_CONFIG_HOME
failed=0

# stopped SIGNAL COMMAND...
stopped() {
    local rc=0 signal=$1

    shift
    timeout --preserve-status -k 30 -s "$signal" 2 \
        "$caadm" "$@" >out 2>err </dev/null || rc=$?
    [ "$rc" -eq 7 ] || {
        echo "interrupt: exit $rc: $*: $(cat err)" >&2
        failed=1
    }
    [ -z "$(find pki/keys -type f -name '*.pem')" ] || {
        echo "interrupt: leaves $(ls pki/keys)" >&2
        failed=1
    }
}

echo secret >pw.txt
"$caadm" --quiet init --passphrase file:pw.txt
stopped INT key create keystore://default/k --key-type rsa:16384
stopped TERM ca create root --subject CN=root --key-type rsa:16384
stopped HUP ca create root --subject CN=root --key-type rsa:16384 --dry-run
"$caadm" --quiet ca create root --subject CN=root --out root.pem
"$caadm" doctor >out 2>err || {
    cat out err >&2
    failed=1
}

# ^C at a question is no missing secret.
sed -i '/^passphrase/d' pki/caadm.conf
for command in "key test keystore://default/root" \
    "key create keystore://default/n" "key passwd keystore://default/root"; do
    cat >typed.tcl <<TCL
set timeout 20
log_user 0
spawn -noecho "$caadm" $command
expect -re {assphrase of [^\n]*: \$} { } timeout { exit 97 } eof { exit 98 }
sleep 0.2
send -- "\003"
expect eof
lassign [wait] pid spawn os code
exit \$code
TCL
    rc=0
    expect typed.tcl >out 2>&1 || rc=$?
    [ "$rc" -eq 7 ] || {
        echo "interrupt: exit $rc at the prompt of $command: $(cat out)" >&2
        failed=1
    }
done
exit $failed
