#!/bin/bash
# kill -9 at every step. strace kills caadm as it enters its Nth call that
# changes something on disk or hands something out, for N = 1, 2, 3 ... until
# it gets through. After each death: nothing was handed out that is not
# recorded, the next command settles what was left, no half-made key, no
# orphan, and the same command then works.
. "$(dirname "$0")/lib.sh"

CALLS='write pwrite64 pwritev fdatasync fsync ftruncate unlink unlinkat rename
renameat renameat2 link linkat mkdir'

keystore_home "$T/base"
openssl_cnf "$T/openssl.cnf" default keystore
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout leaf.key -subj /CN=leaf -out leaf.csr 2>/dev/null
export CAADM_HOME=$T/base
expect_ok caadm ca create root --subject CN=root --days 900
expect_ok caadm key create keystore://ask/moved --key-type ed25519 \
    --passout file:pw.txt
export CAADM_HOME=$T/pki

sql()
{
    sqlite3 -readonly pki/caadm.db "$1"
}

# survive NAME CHECK COMMAND...
survive()
{
    local name=$1 check=$2 call deaths=0

    shift 2
    for call in $CALLS; do
        step_through "$@"
    done
    [ "$deaths" -gt 10 ] || fail "$name: only $deaths steps"
    nothing_left
    title "$name: died $deaths times"
}

# Of $call the 1st, 2nd, 3rd ... until there are no more. (strace counts each
# call by itself.) A transaction is many pwrites, each with the same effect if
# it is the last one: every fifth is tried.
step_through()
{
    local n stride=1

    [ "$call" != pwrite64 ] || stride=5
    for n in $(seq 1 $stride 500); do
        rm -rf pki made.pem
        cp -a base pki
        RC=0
        # The shell in between keeps the notice of the death to itself.
        (timeout 60 strace -f -qq -o trace -e "trace=$call" -e \
            "inject=$call:signal=KILL:when=$n" "$@"; exit $?) >out 2>err \
            </dev/null || RC=$?
        [ "$RC" -ne 0 ] || return 0
        STEP="$name, killed at $call $n"
        [ "$RC" -eq 137 ] || fail "$STEP: exit $RC"
        deaths=$((deaths + 1))
        cp out killed.out
        "$check" "$@"
        nothing_left
    done
    fail "$name never got through"
}

# The state that every command after a death must find or make.
nothing_left()
{
    local key

    sqlite3 -readonly pki/caadm.db >state "pragma integrity_check;
        pragma foreign_key_check;
        select 'unfinished certificates', id, state from cert where state < 3;
        select 'unfinished CA', name from ca where state = 1;
        select 'intent', key_uri from intent;
        select 'audit has a gap' where
            (select count(*) <> max(seq) from audit);"
    echo ok | cmp -s - state || fail "$STEP: $(cat state)"
    # Files: one for each key that is listed, and what a directory needs.
    expect_ok caadm key list --json
    jq -r '.. | .uri? // empty' out | sed -n 's|^keystore://default/||p' |
        sort >keys.listed
    find pki/keys -type f -name '*.pem' -printf '%f\n' | sed 's/\.pem$//' |
        sort >keys.files
    expect_same keys.listed keys.files
    find pki/keys -mindepth 1 ! -name '*.pem' ! -name '.lock' >keys.else
    [ ! -s keys.else ] || fail "$STEP: left behind: $(cat keys.else)"
    # Keys that certificates and CAs are recorded with exist.
    for key in $(sql "select key_uri from cert where state = 3 and
        key_uri is not null union select key_uri from ca"); do
        expect_ok caadm key test "$key"
    done
}

# What reached stdout or the file is recorded.
recorded()
{
    local serial file

    for file in killed.out made.pem; do
        [ -s "$file" ] || continue
        openssl x509 -in "$file" -noout >/dev/null 2>err ||
            fail "$STEP: half a certificate in $file"
        serial=$(openssl x509 -in "$file" -noout -serial)
        expect_equal "$STEP: rows of what was handed out" "$(sql "select
            count(*) from cert where state = 3 and hex(serial) =
            '${serial#serial=}'")" 1
    done
}

check_issue()
{
    recorded
    rm -f made.pem
    "$@" >out 2>err </dev/null || fail "$STEP: and then not again"
    cp out killed.out
    recorded
}

# The new key is there if its certificate is; the same name works then, or is
# taken by a certificate that is recorded.
check_issue_key()
{
    local rows

    recorded
    expect_ok caadm cert issue --ca root --san settle.example --csr leaf.csr
    rows=$(sql "select count(*) from cert where state = 3 and
        key_uri = 'keystore://default/www'")
    if [ "$rows" -eq 0 ]; then
        rm -f made.pem
        "$@" >out 2>err </dev/null || fail "$STEP: and then not again"
    fi
    expect_ok caadm key test keystore://default/www
}

check_ca()
{
    expect_ok caadm cert issue --ca root --san settle.example --csr leaf.csr
    run caadm ca show sub --json
    case $RC in
    0) ;;
    3) "$@" >out 2>err </dev/null || fail "$STEP: and then not again" ;;
    *) fail "$STEP: ca show: exit $RC" ;;
    esac
    rm -f made.pem
    expect_ok caadm cert issue --ca sub --san a.example --csr leaf.csr \
        --days 9 --out made.pem
    recorded
}

# A whole key whose making nobody confirmed is not deleted, for it might be
# somebody else's: the same command, given again, completes it.
check_key()
{
    expect_ok caadm cert issue --ca root --san settle.example --csr leaf.csr
    run caadm key test keystore://default/solo
    case $RC in
    0 | 3) ;;
    *) fail "$STEP: key test: exit $RC" ;;
    esac
    if [ "$RC" -eq 3 ] || [ -n "$(sql 'select key_uri from intent')" ]; then
        "$@" >out 2>err </dev/null || fail "$STEP: and then not again"
    fi
    expect_ok caadm key test keystore://default/solo
}

# What a writer left beside the keys goes with the next one that writes.
next_writer()
{
    expect_ok caadm key create keystore://ask/next --key-type ed25519 \
        --passout file:pw.txt
}

# Either the old passphrase opens it, or the new one; never neither.
check_passwd()
{
    run caadm key test keystore://ask/moved --passin file:pw.txt
    if [ "$RC" -ne 0 ]; then
        expect_ok caadm key test keystore://ask/moved --passin file:new.txt
    fi
    pass
    next_writer
}

check_delete()
{
    run caadm key test keystore://ask/moved --passin file:pw.txt
    case $RC in
    0 | 3) pass ;;
    *) fail "$STEP: key test: exit $RC" ;;
    esac
    next_writer
}

printf 'a new one\n' >new.txt
STEP="undisturbed"
survive "cert issue" check_issue caadm -q cert issue --ca root \
    --san a.example --csr leaf.csr --out made.pem
survive "cert issue, to stdout" check_issue caadm -q cert issue --ca root \
    --san a.example --csr leaf.csr
survive "cert issue --new-key" check_issue_key caadm -q cert issue --ca root \
    --san a.example --new-key keystore://default/www --out made.pem
survive "ca create" check_ca caadm -q ca create sub --parent root \
    --subject CN=sub --days 30
survive "key create" check_key caadm -q key create keystore://default/solo \
    --key-type ec:P-256
survive "key passwd" check_passwd caadm -q key passwd keystore://ask/moved \
    --passin file:pw.txt --passout file:new.txt
survive "key delete" check_delete caadm -q key delete keystore://ask/moved --yes
expect_ok caadm doctor
