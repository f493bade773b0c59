# The frame of every end-to-end test: a folder of its own, configurations of
# its own, what to expect of a command, servers that die with the test.
#
# From the environment: CAADM (the program), MODULES (the folder that holds
# keystore.so). Sourced first thing; everything happens below $T.
set -euo pipefail
: "${CAADM:?path of caadm}" "${MODULES:?folder of keystore.so}"

TEST=$(basename "$0" .sh)
HERE=$(cd "$(dirname "$0")" && pwd)
T=$(mktemp -d "${TMPDIR:-/tmp}/caadm-$TEST.XXXXXX")
MODULES=$(cd "$MODULES" && pwd)
PATH=$(cd "$(dirname "$CAADM")" && pwd):$PATH
PASSPHRASE="correct-horse-$$-battery"
SECRETS=("$PASSPHRASE")
SERVERS=()
LAST=
STEPS=0

umask 022
cd "$T"
export PATH OPENSSL_MODULES=$MODULES OPENSSL_CONF=$T/openssl.cnf
export LC_ALL=C TZ=UTC HOME=$T/home
unset CAADM_HOME CAADM_CONFIG XDG_CONFIG_HOME SSL_CERT_DIR SSL_CERT_FILE
mkdir -m 700 "$HOME"
printf '%s\n' "$PASSPHRASE" >"$T/pw.txt"
printf 'not the one\n' >"$T/wrong.txt"
chmod 600 "$T/pw.txt" "$T/wrong.txt"

# A test may define cleanup() to undo what rm cannot.
finish()
{
    local rc=$? pid

    trap - EXIT
    for pid in ${SERVERS[@]+"${SERVERS[@]}"}; do
        kill -- "-$pid" 2>/dev/null || kill "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    if declare -F cleanup >/dev/null; then
        cleanup
    fi
    if [ "$rc" -ne 0 ]; then
        echo "FAIL: $TEST (exit $rc) after $STEPS checks; left in $T" >&2
        [ -n "${E2E_KEEP-}" ] || rm -rf "$T"
    else
        rm -rf "$T"
        echo "PASS: $TEST, $STEPS checks"
    fi
    exit "$rc"
}
trap finish EXIT
trap 'exit 130' INT TERM

# fail TEXT...: what went wrong, with the last command's output.
fail()
{
    echo "$TEST: $*" >&2
    echo "--- last command: ${LAST:0:1000}" >&2
    if [ -s "$T/out" ]; then
        echo "--- its output:" >&2
        head -c 3000 "$T/out" | tr -c '[:print:]\n\t' '?' >&2
    fi
    if [ -s "$T/err" ]; then
        echo "--- its errors:" >&2
        head -c 3000 "$T/err" | tr -c '[:print:]\n\t' '?' >&2
    fi
    exit 1
}

pass()
{
    STEPS=$((STEPS + 1))
}

# title TEXT...: a line that says what is shown next.
title()
{
    echo "== $*"
}

# run COMMAND...: output in $T/out and $T/err, result in $RC. Nothing here may
# take longer than a minute, and nobody answers a prompt.
run()
{
    RC=0
    LAST=$*
    timeout "${LIMIT:-60}" "$@" >"$T/out" 2>"$T/err" </dev/null || RC=$?
}

expect_ok()
{
    run "$@"
    [ "$RC" -eq 0 ] || fail "exit $RC: $*"
    pass
}

# expect_exit N COMMAND...
expect_exit()
{
    local want=$1

    shift
    run "$@"
    [ "$RC" -eq "$want" ] || fail "exit $RC, not $want: $*"
    pass
}

# expect_fail COMMAND...: fails, but neither by a signal nor by a time-out.
expect_fail()
{
    run "$@"
    [ "$RC" -ne 0 ] || fail "was to fail: $*"
    [ "$RC" -lt 124 ] || fail "died ($RC): $*"
    pass
}

expect_stderr_has()
{
    grep -qiE -e "$1" "$T/err" || fail "errors lack: $1"
    pass
}

expect_stdout_has()
{
    grep -qE -e "$1" "$T/out" || fail "output lacks: $1"
    pass
}

expect_same()
{
    cmp -s "$1" "$2" || fail "$1 and $2 differ: $(diff -a "$1" "$2" | head -20)"
    pass
}

# expect_equal WHAT GOT WANT
expect_equal()
{
    [ "$2" = "$3" ] || fail "$1: '$2', not '$3'"
    pass
}

# No passphrase and no PIN is in what the last command printed.
expect_no_secret()
{
    local secret

    for secret in "${SECRETS[@]}"; do
        ! grep -qF -e "$secret" "$T/out" "$T/err" || fail "shows a secret"
    done
    pass
}

# openssl_cnf FILE [PROVIDER...]: a configuration that activates these, in
# this order, and has what req, ca and ts want to find. $KEYSTORE_LINE is a
# setting for those that are ours.
openssl_cnf()
{
    local file=$1 name

    shift
    {
        echo "openssl_conf = init"
        echo "[init]"
        echo "providers = providers"
        echo "[providers]"
        for name in "$@"; do
            echo "$name = ${name}_sect"
        done
        for name in "$@"; do
            printf '[%s_sect]\n' "$name"
            case $name in
            default | legacy) ;;
            *) printf '%s\n' "${KEYSTORE_LINE-}" ;;
            esac
            echo "activate = 1" # is read last: it loads the provider
        done
        cat "$HERE/data/sections.cnf"
    } >"$file"
}

# keystore_home FOLDER: CAADM_HOME with three file backends: "default"
# (extractable), "inside" (its keys do not leave), and "ask" (the keys of
# "default", with no passphrase configured). Their KDF is a cheap one.
keystore_home()
{
    mkdir -m 700 "$1"
    cp "$T/pw.txt" "$1/pw"
    chmod 600 "$1/pw"
    cat >"$1/caadm.conf" <<CONF
[caadm]
database = caadm.db

[backend default]
type = file
path = keys
passphrase = file:pw
$CHEAP_KDF

[backend inside]
type = file
path = inside
passphrase = file:pw
extractable = no
$CHEAP_KDF

[backend ask]
type = file
path = keys
$CHEAP_KDF
CONF
    mkdir -m 700 "$1/keys" "$1/inside"
    export CAADM_HOME=$1
}
CHEAP_KDF="kdf = scrypt:1024:8:1"

# start NAME COMMAND...: a server; its output in NAME.log, its pid in $PID.
# PATTERN in $READY is waited for in that log (default: none). Each is in a
# session of its own: httpd ends by a signal to its whole process group.
start()
{
    local log=$T/$1.log tries=0

    shift
    : >"$log" # not an earlier server's
    setsid "$@" >>"$log" 2>&1 </dev/null &
    PID=$!
    SERVERS+=("$PID")
    while [ -n "${READY-}" ] && ! grep -qaE "$READY" "$log"; do
        kill -0 "$PID" 2>/dev/null || fail "$1 ended: $(cat "$log")"
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || fail "$1 is not ready: $(cat "$log")"
        sleep 0.05
    done
}

# stop PID
stop()
{
    kill -- "-$1" 2>/dev/null || kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# tls_server NAME ARGUMENT...: openssl s_server on a free port of 127.0.0.1,
# which is then in $PORT.
tls_server()
{
    local name=$1

    shift
    READY='^ACCEPT' start "$name" openssl s_server -accept 127.0.0.1:0 "$@"
    PORT=$(sed -n 's/^ACCEPT .*:\([0-9]*\).*/\1/p' "$T/$name.log" | head -1)
    [ -n "$PORT" ] || fail "no port in $T/$name.log"
}
