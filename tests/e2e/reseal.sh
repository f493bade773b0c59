#!/bin/bash
# Keys sealed anew: one or all of a backend, under another passphrase, another
# cost, other keys; taken up where it was broken off; with keys among them that
# cannot be. What openssl sees of them is in seal_*.sh.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

N=12
hsm_home "$T/pki"
printf 'another-%s\n' "$PASSPHRASE" >new.txt
printf 'a-third-%s\n' "$PASSPHRASE" >third.txt
SECRETS+=("another-$PASSPHRASE" "a-third-$PASSPHRASE")
cat >>pki/caadm.conf <<CONF

[backend db]
type = sqlite
path = keys.db
passphrase = file:$T/pw.txt
$CHEAP_KDF

[backend files]
type = file
path = files
passphrase = file:$T/pw.txt
$CHEAP_KDF

[backend naked]
type = file
path = naked
sealing = none
CONF
expect_ok caadm ca create root --subject CN=root
expect_ok caadm key create keystore://hsm/kek --key-type rsa:2048 \
    --usage decrypt
expect_ok caadm key create keystore://hsm/agree --key-type ec:P-256 \
    --usage derive
expect_ok caadm key create keystore://default/escrow --key-type rsa:2048

sql()
{
    sqlite3 -readonly pki/caadm.db "$1"
}

# setting BACKEND NAME [VALUE]: sets, or takes away, a line of its section.
setting()
{
    awk -v section="[backend $1]" -v name="$2" -v value="${3-}" '
        /^\[/ { here = $0 == section }
        here && $1 == name { next }
        { print }
        $0 == section && value != "" { print name " = " value }
    ' pki/caadm.conf >conf.new
    cat conf.new >pki/caadm.conf
}

# counts RESEALED CURRENT FAILED: of the last --json.
counts()
{
    expect_equal "counts" "$(jq -r '"\(.resealed) \(.current) \(.failed)"' \
        out)" "$1 $2 $3"
}

# shows KEY JQ WANT
shows()
{
    expect_ok caadm key show "$1" --json
    expect_equal "$1 $2" "$(jq -r ".key.sealing.$2" out)" "$3"
}

# all_work BACKEND [OPTION...]: every key is there and opens.
all_work()
{
    local i backend=$1

    shift
    for i in $(seq "$N"); do
        expect_ok caadm key test "keystore://$backend/k$i" "$@"
    done
}

for backend in db files; do
    B=keystore://$backend
    for i in $(seq "$N"); do
        expect_ok caadm key create "$B/k$i" --key-type ed25519
    done

    title "$backend: nothing to do"
    expect_ok caadm key reseal "$B/" --json
    counts 0 "$N" 0
    expect_ok caadm key reseal "$B/k1"
    expect_stderr_has 'already'

    title "$backend: another cost, of one key and then of all"
    expect_ok caadm key reseal "$B/k1" --kdf scrypt:4096:8:1
    shows "$B/k1" kdf scrypt:4096:8:1
    shows "$B/k1" sealing_current false
    setting "$backend" kdf scrypt:2048:8:1
    shows "$B/k2" sealing_current false
    expect_ok caadm key reseal "$B/" --json
    counts "$N" 0 0
    expect_ok caadm key reseal "$B/" --json
    counts 0 "$N" 0
    shows "$B/k1" kdf scrypt:2048:8:1

    title "$backend: another passphrase, in the configuration"
    setting "$backend" passphrase "file:$T/new.txt"
    expect_exit 4 caadm key test "$B/k3"
    expect_exit 4 caadm key reseal "$B/" --json
    counts 0 0 "$N"
    expect_no_secret
    expect_ok caadm key reseal "$B/k3" --passin "file:$T/pw.txt"
    expect_ok caadm key test "$B/k3"
    expect_ok caadm key reseal "$B/" --passin "file:$T/pw.txt" --json
    counts $((N - 1)) 1 0
    expect_no_secret
    all_work "$backend"

    title "$backend: from a pipe, which is read once"
    expect_ok sh -c "cat '$T/new.txt' '$T/third.txt' |
        caadm key reseal $B/ --passin stdin --passout file:third.txt --json"
    counts "$N" 0 0
    setting "$backend" passphrase "file:$T/third.txt"
    all_work "$backend"

    title "$backend: random secrets"
    setting "$backend" passphrase random
    expect_ok caadm key reseal "$B/" --passin file:third.txt --json
    counts "$N" 0 0
    all_work "$backend"
    expect_equal "secrets" "$(sql "select count(*) from secret
        where key_uri like '$B/%'")" "$N"
    shows "$B/k1" kdf scrypt:2:8:1

    title "$backend: to other keys"
    setting "$backend" passphrase
    setting "$backend" seal_to "keystore://hsm/kek, keystore://default/escrow"
    expect_ok caadm key reseal "$B/" --json
    counts "$N" 0 0
    expect_equal "secrets" "$(sql "select count(*) from secret
        where key_uri like '$B/%'")" 0
    shows "$B/k1" sealing keys
    shows "$B/k1" 'sealed_to | join(" ")' \
        'keystore://hsm/kek keystore://default/escrow'
    all_work "$backend"
    expect_ok caadm key reseal "$B/" --json
    counts 0 "$N" 0
    expect_exit 2 caadm key passwd "$B/k1" --passout file:pw.txt
    expect_stderr_has 'key reseal'

    title "$backend: to others, by the escrow"
    softhsm_home "$T/elsewhere" # the token is gone
    expect_ok caadm key test "$B/k1"
    expect_ok caadm key reseal "$B/k2" --seal-to keystore://default/escrow \
        --unseal-with keystore://default/escrow
    shows "$B/k2" 'sealed_to | join(" ")' keystore://default/escrow
    export SOFTHSM2_CONF=$T/softhsm/softhsm2.conf
    setting "$backend" seal_to "keystore://hsm/agree"
    expect_ok caadm key reseal "$B/" --json
    counts "$N" 0 0
    all_work "$backend"

    title "$backend: options of the command"
    expect_ok caadm key reseal "$B/k4" --seal-to keystore://hsm/kek \
        --seal-to keystore://default/escrow
    shows "$B/k4" 'sealed_to | join(" ")' \
        'keystore://hsm/kek keystore://default/escrow'
    expect_ok caadm key reseal "$B/k4" --passout file:pw.txt
    shows "$B/k4" sealing passphrase
    expect_ok caadm key test "$B/k4" --passin file:pw.txt
    expect_exit 2 caadm key reseal "$B/k4" --passout file:pw.txt \
        --seal-to keystore://hsm/kek
    expect_exit 2 caadm key reseal "$B/k4" --kdf scrypt:1024:8:1 \
        --seal-to keystore://hsm/kek
    expect_exit 2 caadm key reseal "$B/k4" --kdf scrypt:1024:8:1
    expect_exit 2 caadm key reseal "$B/k4" --seal-to nonsense
    expect_exit 2 caadm key reseal "$B/k4" --seal-to keystore://hsm/
    expect_exit 3 caadm key reseal "$B/k4" --seal-to keystore://hsm/nothing \
        --passin file:pw.txt
    expect_exit 2 caadm key reseal "$B/k4" --seal-to "$B/k1" \
        --passin file:pw.txt
    expect_exit 2 caadm key reseal "$B/k4" --passout nonsense
    expect_exit 2 caadm key reseal "$B/k4" --kdf nonsense --passout file:pw.txt
    expect_exit 4 caadm key reseal "$B/k4" --passout file:/nothing \
        --passin file:pw.txt
    # a key that cannot decrypt would lose what is sealed to it
    expect_ok caadm key create keystore://hsm/signs-"$backend" \
        --key-type rsa:2048
    expect_fail caadm key reseal "$B/k4" --passin file:pw.txt \
        --seal-to "keystore://hsm/signs-$backend"
    expect_ok caadm key test "$B/k4" --passin file:pw.txt

    title "$backend: to a key that is not there"
    setting "$backend" seal_to "keystore://hsm/nothing"
    expect_exit 3 caadm key reseal "$B/"
    expect_stderr_has "not sealed: .*keystore://hsm/nothing"
    setting "$backend" seal_to "keystore://hsm/agree"

    title "$backend: one bad key"
    expect_exit 4 caadm key reseal "$B/" --json
    counts 0 $((N - 1)) 1
    expect_equal "which" "$(jq -r '.errors[0].uri' out)" "$B/k4"
    expect_ok caadm key reseal "$B/" --passin file:pw.txt
    setting "$backend" seal_to
    setting "$backend" passphrase "file:$T/pw.txt"
    if [ "$backend" = db ]; then
        sqlite3 pki/keys.db "update key set spki = x'3000'
            where label = 'k5'"
    else
        printf 'nonsense\n' >pki/files/k5.pem
    fi
    expect_exit 4 caadm key reseal "$B/" --json
    counts $((N - 1)) 0 1
    expect_equal "which" "$(jq -r '.errors[0].uri' out)" "$B/k5"
    expect_ok caadm key delete "$B/k5" --yes
    expect_ok caadm key create "$B/k5"
    all_work "$backend"

    title "$backend: broken off, and taken up again"
    setting "$backend" kdf scrypt:16384:8:5
    caadm key reseal "$B/" --json >out 2>err </dev/null &
    PID=$!
    for _ in $(seq 200); do
        caadm key show "$B/k10" --json >seen 2>/dev/null || true
        [ "$(jq -r .key.sealing.kdf seen)" != scrypt:16384:8:5 ] || break
        kill -0 "$PID" 2>/dev/null || break
        sleep 0.02
    done
    kill -INT "$PID" 2>/dev/null || true
    RC=0
    wait "$PID" || RC=$?
    expect_equal "exit status" "$RC" 7
    first=$(jq -s '.[0].resealed' out)
    [ "$first" -gt 0 ] && [ "$first" -lt "$N" ] || fail "$first of $N"
    expect_equal "not all were looked at" "$(jq -s '.[0].keys' out)" "$N"
    setting "$backend" kdf scrypt:16384:8:5
    expect_ok caadm key reseal "$B/" --json
    counts $((N - first)) "$first" 0
    setting "$backend" kdf scrypt:1024:8:1
done

title "two at once, and a key that is used meanwhile"
expect_ok caadm key reseal keystore://db/ --json
counts "$N" 0 0
for cost in 2048 4096; do
    caadm key reseal keystore://db/ --kdf "scrypt:$cost:8:1" >"run-$cost" \
        2>&1 </dev/null &
    eval "PID$cost=$!"
done
all_work db
wait "$PID2048" || true
wait "$PID4096" || true
! grep -qi 'internal' run-2048 run-4096 || fail "$(cat run-2048 run-4096)"
all_work db

title "what is not sealed by caadm"
expect_exit 2 caadm key reseal keystore://hsm/kek
expect_exit 2 caadm key reseal keystore://hsm/
expect_exit 2 caadm key reseal 'pkcs11:token=main;object=kek'
expect_ok caadm key create keystore://naked/k
expect_exit 2 caadm key reseal keystore://naked/k
expect_ok caadm key reseal keystore://naked/k --passout file:pw.txt
shows keystore://naked/k sealing passphrase
expect_exit 3 caadm key reseal keystore://db/nothing
expect_exit 3 caadm key reseal keystore://nowhere/
expect_exit 2 caadm key reseal file:k.pem
expect_equal "gaps in the log" "$(sql 'select count(*) <> max(seq)
    from audit')" 0
