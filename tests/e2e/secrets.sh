#!/bin/bash
# The passphrase is nowhere: not in what any command prints, not in the
# arguments of a process, not in what one writes to any file, not in a core.
# It is asked for on a terminal only; without one that is an error at once.
. "$(dirname "$0")/lib.sh"

openssl_cnf "$T/openssl.cnf" default keystore
export CAADM_HOME=$T/pki
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout leaf.key -subj /CN=leaf -out leaf.csr 2>/dev/null
NEW="second-$PASSPHRASE"
echo "$NEW" >new.txt

# watched CODE COMMAND...: with every byte that it writes, and every argument
# that it starts something with, in the log.
watched()
{
    local want=$1

    shift
    rm -f calls
    run strace -f -qq -s 100000 -o calls -e \
        trace=execve,write,pwrite64,writev,pwritev,sendto,sendmsg "$@"
    [ "$RC" -eq "$want" ] || fail "exit $RC, not $want: $*"
    ! grep -aqF "$PASSPHRASE" calls ||
        fail "hands out the passphrase: $(grep -aF "$PASSPHRASE" calls |
            head -c 300)"
    expect_no_secret
}

title "with its source named"
watched 0 caadm init --passphrase file:pw.txt
watched 0 caadm ca create root --subject CN=root --key-type ec:P-256
watched 0 caadm key create keystore://default/k --key-type ed25519
watched 0 caadm key test keystore://default/k
watched 0 caadm cert issue --ca root --san a.b --csr leaf.csr
watched 0 caadm cert issue --ca root --san a.b --new-key keystore://default/n
watched 0 caadm key list --json
watched 0 caadm key show keystore://default/k
watched 0 caadm doctor
watched 0 caadm backend check default
export CAADM_TEST_SECRET=$NEW
watched 0 caadm key create keystore://default/e --key-type ed25519 \
    --passout env:CAADM_TEST_SECRET
watched 0 caadm key test keystore://default/e --passin file:new.txt
watched 4 caadm key test keystore://default/e --passin file:wrong.txt
watched 0 caadm key passwd keystore://default/e --passin file:new.txt \
    --passout file:pw.txt
watched 4 caadm key test keystore://default/e --passin file:new.txt
watched 0 openssl pkey -in keystore://default/k -pubout
watched 0 openssl pkey -in "keystore://default/e?pin-source=file:$T/pw.txt" \
    -noout
watched 1 openssl pkey -in "keystore://default/e?pin-source=file:new.txt" \
    -noout
unset CAADM_TEST_SECRET
exec 9<pw.txt
RC=0
caadm key test keystore://default/e --passin fd:9 >out 2>err || RC=$?
exec 9<&-
expect_equal "fd:9" "$RC" 0
RC=0
caadm key test keystore://default/e --passin stdin <pw.txt >out 2>err || RC=$?
expect_equal "stdin" "$RC" 0
# In a command line it is its owner's doing; there is a warning, no echo.
expect_ok caadm key test keystore://default/e --passin "pass:$PASSPHRASE"
expect_stderr_has 'pass:'
expect_no_secret

title "in files"
grep -raFl -e "$PASSPHRASE" pki >found || true
[ ! -s found ] || fail "in $(cat found)"
pass
caadm key list >out 2>err
for file in pki/keys/*.pem; do
    expect_equal "mode of $file" "$(stat -c %a "$file")" 600
done
expect_equal "mode of the directory" "$(stat -c %a pki/keys)" 700
expect_equal "mode of the database" "$(stat -c %a pki/caadm.db)" 600

title "asked for on a terminal"
cat >>pki/caadm.conf <<'CONF'
[backend ask]
type = file
path = asked
kdf = scrypt:1024:8:1
CONF

# on_terminal CODE SECRET... -- COMMAND...: the secrets are typed, one at each
# question; the terminal's text is then in $T/out.
on_terminal()
{
    local want=$1 secrets=''

    shift
    while [ "$1" != -- ]; do
        secrets="$secrets $1"
        shift
    done
    shift
    cat >typed.tcl <<TCL
set timeout 20
log_user 0
log_file -noappend -a $T/terminal
spawn -noecho $*
foreach secret {$secrets} {
    expect {
        -re {(?i)(passphrase|pass phrase|again)[^\n]*: ?\$} { }
        timeout { exit 97 }
        eof { exit 98 }
    }
    # Read with echo off, once it is off.
    sleep 0.2
    send -- "\$secret\r"
}
expect eof
lassign [wait] pid spawn os code
exit \$code
TCL
    rm -f terminal
    RC=0
    timeout 60 expect -f typed.tcl >expect.out 2>err </dev/null || RC=$?
    tr -d '\r' <terminal >out
    [ "$RC" -eq "$want" ] || fail "on a terminal: exit $RC, not $want: $*"
    expect_no_secret
}
on_terminal 0 "$PASSPHRASE" "$PASSPHRASE" -- \
    caadm key create keystore://ask/t --key-type ed25519
expect_stdout_has 'keystore://ask/t'
on_terminal 2 "$PASSPHRASE" different -- \
    caadm key create keystore://ask/u --key-type ed25519
expect_exit 3 caadm key show keystore://ask/u
on_terminal 0 "$PASSPHRASE" -- caadm key test keystore://ask/t
on_terminal 0 "$PASSPHRASE" -- openssl pkey -in keystore://ask/t -noout
on_terminal 0 "$PASSPHRASE" "$NEW" "$NEW" -- caadm key passwd keystore://ask/t
expect_ok caadm key test keystore://ask/t --passin file:new.txt
# What is public is not asked about.
on_terminal 0 -- caadm key show keystore://ask/t
on_terminal 0 -- openssl pkey -pubin -in keystore://ask/t -noout

title "never without one"
for command in "caadm key test keystore://ask/t" \
    "caadm key create keystore://ask/v --key-type ed25519" \
    "caadm key passwd keystore://ask/t"; do
    # shellcheck disable=SC2086 # words
    LIMIT=10 expect_exit 4 setsid -w $command
    expect_stderr_has 'caadm: error: .*(passphrase|terminal)'
    ! grep -qiE '(passphrase|pass phrase)[^:]*: ?$' out err ||
        fail "prompts without a terminal: $command"
done
LIMIT=10 expect_fail setsid -w openssl pkey -in keystore://ask/t -noout
expect_exit 3 caadm key show keystore://ask/v

title "no core"
# What dies while it has a secret leaves none behind: caadm says so to the
# kernel before it reads anything.
expect_ok strace -f -o calls -e trace=prctl,setrlimit,prlimit64,openat \
    caadm key test keystore://default/k
grep -nE 'PR_SET_DUMPABLE, (0|SUID_DUMP_DISABLE)|RLIMIT_CORE, \{rlim_cur=0' \
    calls | head -1 | cut -d: -f1 >line
[ -s line ] || fail "may leave a core"
awk -v from="$(cat line)" 'NR < from && /pw.txt/ { exit 1 }' calls ||
    fail "reads the passphrase before it forbids a core"
pass
