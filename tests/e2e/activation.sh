#!/bin/bash
# Activation changes nothing: the same commands and the same TLS matrix, with
# keys from plain files, once without our provider and once with it in every
# way that it can be activated: after default, before it, on the command line,
# with legacy besides, under a name that sorts before "default". Exit codes
# and outputs must be the same; what is random is compared by its shape and
# checked by openssl without our provider. activation_cases.sh has the cases.
#
# Usage: activation.sh [hsm]: with keys in an HSM, whose module shares
# libcrypto with the process and must not come back to us through it; in the
# orders that matter for that.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"
. "$HERE/activation_cases.sh"

# name | providers in openssl.cnf | on the command line | compared with
MODES='
off|default||
off_legacy|default legacy||
command||default|
command_legacy||default legacy|
after|default keystore||off
before|keystore default||off
command_after||default keystore|command
command_before||keystore default|command
legacy_between|default keystore legacy||off_legacy
legacy_first|default legacy keystore||off_legacy
command_legacy_first||default legacy keystore|command_legacy
command_legacy_last||default keystore legacy|command_legacy
aaa_after|default aaa||off
aaa_before|aaa default||off
aaa_legacy|default aaa legacy||off_legacy
aaa_command_legacy||default aaa legacy|command_legacy
caadm_both|default caadm|default|command
'
OWN="default inside"
if [ "${1-}" = hsm ]; then
    OWN=hsm
    MODES=$(grep -E '^(off|after|before|aaa_before)\|' \
        <<<"$MODES")
fi

# Our module under names that sort before "default", and legacy beside it.
make_modules()
{
    local name system

    mkdir modules
    for name in keystore aaa caadm; do
        cp "$MODULES/keystore.so" "modules/$name.so"
    done
    system=$(env -u OPENSSL_MODULES openssl version -m |
        sed 's/^MODULESDIR: "\(.*\)"$/\1/')
    ln -s "$system/legacy.so" modules/legacy.so
    export OPENSSL_MODULES=$T/modules
}

# c NAME COMMAND ARGUMENT...: one case in the mode at hand.
c()
{
    local name=$1 command=$2

    shift 2
    n "$name" "$command" ${ON_COMMAND[@]+"${ON_COMMAND[@]}"} "$@"
}

# n NAME ARGUMENT...: the same for commands that take no -provider.
n()
{
    local name=$1 rc=0

    shift
    timeout 60 openssl "$@" >"$RESULTS/$name.out" 2>"$RESULTS/$name.err" \
        </dev/null || rc=$?
    record "$name" "$rc"
}

record()
{
    [ "$2" -lt 124 ] || fail "$MODE, $1: died ($2)"
    echo "$2" >"$RESULTS/$1.rc"
    pass
}

# v NAME ARGUMENT...: what a case has made, seen by openssl without us.
v()
{
    local name=$1 rc=0

    shift
    OPENSSL_CONF=$T/plain.cnf timeout 60 openssl "$@" \
        >"$RESULTS/$name.seen" 2>&1 </dev/null || rc=$?
    echo "exit $rc" >>"$RESULTS/$name.seen"
    pass
}

# shape NAME FILE: its ASN.1 without offsets, lengths and values.
shape()
{
    OPENSSL_CONF=$T/plain.cnf openssl asn1parse -in "$2" 2>&1 |
        sed -E -e 's/^ *[0-9]+:d=/d=/' -e 's/hl= *[0-9]+ l= *[0-9]+//' \
            -e 's/(INTEGER|OCTET STRING|TIME).*/\1/' \
            >"$RESULTS/$1.shape" || true
    pass
}

# What differs from run to run without meaning anything: the thread in front
# of an error.
normalise()
{
    find "$RESULTS" \( -name '*.err' -o -name '*.seen' \) -print0 |
        xargs -0 sed -i -E 's/^[0-9A-F]{12,16}:error/error/'
}

run_mode()
{
    local name base=$4

    MODE=$1
    RESULTS=$T/results/$MODE
    read -ra ON_COMMAND <<<"$(for name in $3; do
        printf -- '-provider %s ' "$name"
    done)"
    # shellcheck disable=SC2086 # a list of names
    openssl_cnf "$T/openssl.cnf" $2
    rm -rf work
    mkdir -p "$RESULTS" work
    cd work
    activation_cases
    tls_matrix
    normalise
    [ -z "$base" ] || own_keys_work "$2 $3"
    cd "$T"
    [ -z "$base" ] || compare_with "$base"
}

compare_with()
{
    if ! diff -r "$T/results/$1" "$RESULTS" >differences 2>&1; then
        head -60 differences >&2
        fail "$MODE: activation changed something"
    fi
    title "$MODE: $(find "$RESULTS" -name '*.rc' | wc -l) cases as in $1"
}

# In every one of these orders our own keys work, too, and a mode that was to
# have our provider does have it.
own_keys_work()
{
    local backend

    openssl list "${ON_COMMAND[@]}" -providers >out 2>err ||
        fail "$MODE: list -providers"
    NAME=$(sed -nE 's/^  (keystore|aaa|caadm)$/\1/p' out)
    [ -n "$NAME" ] || fail "$MODE: not active"
    for backend in $OWN; do
        openssl dgst "${ON_COMMAND[@]}" -sha256 -sign \
            "keystore://$backend/own" -out sig "$IN/message" 2>err ||
            fail "$MODE: signing with keystore://$backend/own"
        env OPENSSL_CONF="$T/plain.cnf" openssl dgst -sha256 -verify \
            "$T/$backend.pub" -signature sig "$IN/message" >out 2>err ||
            fail "$MODE: bad signature by keystore://$backend/own"
        pass
    done
    [ "$OWN" != hsm ] || token_works
}

# t ARGUMENT...: openssl in the mode at hand, with SoftHSM in the process.
t()
{
    local command=$1

    shift
    expect_ok openssl "$command" ${ON_COMMAND[@]+"${ON_COMMAND[@]}"} "$@"
}

# What makes SoftHSM call libcrypto: keys of each kind made, all mechanisms,
# a TLS server; and file keys beside them, in the same process.
token_works()
{
    local key=keystore://hsm/$MODE- type arguments

    while IFS='|' read -r type arguments; do
        # shellcheck disable=SC2086 # words
        t genpkey -propquery "provider=$NAME" $arguments \
            -pkeyopt "keystore-uri:$key$type" -out uri.pem
        t req -x509 -new -key "$key$type" -subj "/CN=$type" \
            -addext subjectAltName=DNS:localhost -out "$type.crt"
        expect_ok env OPENSSL_CONF="$T/plain.cnf" openssl verify \
            -check_ss_sig -CAfile "$type.crt" "$type.crt"
    done <<'TYPES'
rsa|-algorithm RSA -pkeyopt keystore-usage:sign,decrypt
ec|-algorithm EC -pkeyopt group:P-256
ed|-algorithm ED25519
TYPES
    t storeutl -noout keystore://hsm/
    t cms -encrypt -binary -in "$IN/message" -outform PEM -out cms.pem rsa.crt
    t cms -decrypt -binary -inform PEM -in cms.pem -inkey "${key}rsa" -out back
    expect_same back "$IN/message"
    t x509 -req -in "$IN/p256.csr" -CA rsa.crt -CAkey "${key}rsa" \
        -set_serial 1 -out leaf.crt
    tls_server own ${ON_COMMAND[@]+"${ON_COMMAND[@]}"} -cert ec.crt \
        -key "${key}ec" -rev
    for group in P-256 X25519; do
        expect_ok openssl s_client ${ON_COMMAND[@]+"${ON_COMMAND[@]}"} \
            -connect "127.0.0.1:$PORT" -CAfile ec.crt -verify_return_error \
            -groups $group -cert rsa.crt -key "${key}rsa"
    done
    stop "$PID"
}

make_modules
hsm_home "$T/pki"
openssl_cnf plain.cnf default
openssl_cnf openssl.cnf default keystore
for backend in $OWN; do
    expect_ok openssl genpkey -propquery provider=keystore -algorithm EC \
        -pkeyopt group:P-256 -pkeyopt "keystore-uri:keystore://$backend/own" \
        -out "$backend.pem"
    expect_ok openssl pkey -pubin -in "keystore://$backend/own" -pubout \
        -out "$backend.pub"
done
find pki -type f | sort >files

export OPENSSL_CONF=$T/plain.cnf
activation_inputs
export OPENSSL_CONF=$T/openssl.cnf

while IFS='|' read -r name in_file on_command base; do
    [ -n "$name" ] || continue
    run_mode "$name" "$in_file" "$on_command" "$base"
done < <(echo "$MODES")

# Nothing that was made without a URI has been kept by us.
find pki -type f | sort >files.after
expect_same files files.after
