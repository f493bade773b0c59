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

title "from the service manager"
# As systemd hands credentials over (systemd.exec(5)); a service has no
# terminal.
cat >>pki/caadm.conf <<'CONF'
[backend service]
type = file
path = service
passphrase = cred:keys
CONF
mkdir -m 700 pki/service credentials
cp pw.txt credentials/keys
chmod 400 credentials/keys
chmod 500 credentials
LIMIT=10 expect_exit 4 setsid -w caadm key create keystore://service/k
expect_stderr_has 'cred:keys: CREDENTIALS_DIRECTORY is not set'
export CREDENTIALS_DIRECTORY=$T/credentials
watched 0 caadm key create keystore://service/k
watched 0 setsid -w caadm key test keystore://service/k
watched 0 setsid -w openssl pkey -in keystore://service/k -noout
watched 0 caadm key test keystore://service/k --passin cred:keys
watched 4 caadm key test keystore://service/k --passin cred:other
expect_stderr_has 'cred:.*credentials/other'
expect_exit 2 caadm key test keystore://service/k --passin cred:../pw.txt
watched 0 openssl pkey -noout -in "keystore://service/k?pin-source=cred:keys"
unset CREDENTIALS_DIRECTORY
LIMIT=10 expect_exit 4 setsid -w caadm key test keystore://service/k
expect_stderr_has 'CREDENTIALS_DIRECTORY is not set'
expect_ok caadm key test keystore://service/k --passin file:pw.txt

title "through descriptors"
# Old and new, a line each: what one reads leaves the next line alone.
printf '%s\n%s\n' "$PASSPHRASE" "$NEW" >both.txt
exec 9<both.txt
RC=0
caadm key passwd keystore://default/e --passin fd:9 --passout fd:9 >out 2>err \
    || RC=$?
exec 9<&-
expect_equal "two secrets by fd:9" "$RC" 0
expect_ok caadm key test keystore://default/e --passin file:new.txt
printf '%s\n%s\n' "$NEW" "$PASSPHRASE" >both.txt
RC=0
caadm key passwd keystore://default/e --passin stdin --passout stdin \
    >out 2>err <both.txt || RC=$?
expect_equal "two secrets by stdin" "$RC" 0
exec 9<pw.txt
expect_ok openssl pkey -noout -in 'keystore://default/e?pin-source=fd:9'
exec 9<pw.txt
expect_ok openssl genpkey -propquery provider=keystore -algorithm ED25519 \
    -pkeyopt keystore-uri:keystore://default/d -pkeyopt keystore-passout:fd:9
exec 9<&-
expect_exit 4 caadm key test keystore://default/e --passin fd:9
expect_stderr_has 'fd:9: cannot read the passphrase: Bad file descriptor'
rm both.txt

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
# Whatever makes the key, openssl too, asks for a new secret twice.
genpkey="openssl genpkey -propquery provider=keystore -algorithm ED25519"
on_terminal 0 "$PASSPHRASE" "$PASSPHRASE" -- \
    "$genpkey" -pkeyopt keystore-uri:keystore://ask/o -out o.pem
expect_stdout_has 'New passphrase of keystore://ask/o'
expect_ok caadm key test keystore://ask/o --passin file:pw.txt
on_terminal 1 "$PASSPHRASE" different -- \
    "$genpkey" -pkeyopt keystore-uri:keystore://ask/p -out p.pem
expect_stdout_has 'the two are not the same'
expect_exit 3 caadm key show keystore://ask/p
on_terminal 0 "$PASSPHRASE" "$PASSPHRASE" -- caadm ca create asked \
    --subject CN=asked --new-key keystore://ask/ca --out asked.pem
# Nothing typed is no secret.
on_terminal 4 "" -- caadm key create keystore://ask/q
expect_exit 3 caadm key show keystore://ask/q
# What is public is not asked about.
on_terminal 0 -- caadm key show keystore://ask/t
on_terminal 0 -- openssl pkey -pubin -in keystore://ask/t -noout

# ^C at a question leaves a terminal that shows what is typed.
for command in "caadm key test keystore://ask/t" "caadm key create \
    keystore://ask/r" "openssl pkey -in keystore://ask/t -noout"; do
    cat >typed.tcl <<TCL
set timeout 20
spawn -noecho bash -c "stty; $command; stty -a"
expect -re {(?i)(passphrase|pass phrase) (of|for)[^\n]*: ?\$} { } \\
    timeout { exit 97 } eof { exit 98 }
sleep 0.2
send -- "\003"
expect eof
TCL
    run expect typed.tcl
    expect_equal "$command" "$RC" 0
    expect_stdout_has '[^-]echo '
    ! grep -q -e '-echo ' out || fail "the terminal stays silent: $command"
done

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

title "in memory"
# caadm locks its secrets' memory, before it reads any.
expect_ok strace -f -o calls -e trace=mlock,mlock2,openat \
    caadm key test keystore://default/k
awk '/mlock/ { locked = 1 } /pw.txt/ { exit !locked }' calls ||
    fail "reads the passphrase before it locks memory"
# A program that has a secure heap of its own is served from that.
expect_ok env OPENSSL_SEC_MEM=65536 openssl pkey -in keystore://default/k -noout
# A server keeps its key, but not what opened it.
expect_ok openssl req -x509 -new -key keystore://default/k -subj /CN=k -out \
    k.pem
cat >scan.py <<'PY'
import re
import sys

needle = sys.argv[2].encode()
for line in open(f"/proc/{sys.argv[1]}/maps"):
    start, end, mode = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
    if "r" not in mode or "[v" in line:
        continue
    with open(f"/proc/{sys.argv[1]}/mem", "rb", 0) as memory:
        memory.seek(int(start, 16))
        if needle in memory.read(int(end, 16) - int(start, 16)):
            sys.exit(f"{sys.argv[2]} is in {line}")
PY
# Some kernels let none but root look.
scope=$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)
if [ "$(id -u)" -eq 0 ] || [ "$scope" = 0 ]; then
    tls_server s_server -key keystore://default/k -cert k.pem
    expect_fail python3 scan.py "$PID" ACCEPT # it does find what is there
    expect_ok python3 scan.py "$PID" "$PASSPHRASE"
    stop "$PID"
fi
