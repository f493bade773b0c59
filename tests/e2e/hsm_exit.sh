#!/bin/bash
# openssl ends well after it has used keys in an HSM: twenty times each of the
# usual commands, with the one exit code that they should have. SoftHSM's
# destructors run before libcrypto's; a call at the wrong time is a crash
# after the work is done, in a process whose output was right.
#
# Usage: hsm_exit.sh [memcheck]: once each and the servers as well, under
# valgrind: no bad access, nothing lost for good.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

TIMES=20
UNDER=()
if [ "${1-}" = memcheck ]; then
    TIMES=1
    UNDER=(valgrind --quiet --error-exitcode=99 --leak-check=full
        --errors-for-leak-kinds=definite --show-leak-kinds=definite
        --keep-debuginfo=yes --num-callers=30
        --suppressions="$HERE/data/softhsm.supp")
fi
hsm_home "$T/pki"
openssl_cnf "$T/openssl.cnf" default keystore
seq 100 >message

for key in "p256 -algorithm EC -pkeyopt group:P-256 -pkeyopt \
    keystore-usage:sign,derive" "rsa -algorithm RSA -pkeyopt \
    rsa_keygen_bits:2048 -pkeyopt keystore-usage:sign,decrypt" \
    "ed -algorithm ED25519"; do
    # shellcheck disable=SC2086 # words
    set -- $key
    name=$1
    shift
    expect_ok openssl genpkey -propquery provider=keystore "$@" \
        -pkeyopt "keystore-uri:keystore://hsm/$name" -out "$name.pem"
    expect_ok openssl req -x509 -new -key "keystore://hsm/$name" \
        -subj "/CN=$name" -days 2 -out "$name.crt"
done
expect_ok openssl cms -encrypt -binary -in message -outform PEM -recip \
    rsa.crt -recip p256.crt -out sealed.pem
expect_ok openssl pkey -pubin -in keystore://hsm/p256 -pubout -out p256.pub
expect_ok openssl genpkey -algorithm EC -pkeyopt group:P-256 -out peer.pem
expect_ok openssl pkey -in peer.pem -pubout -out peer.pub

# exit code | arguments of openssl
COMMANDS='
0|pkey -in keystore://hsm/p256 -pubout
0|pkey -in rsa.pem -noout -text
0|pkey -pubin -in keystore://hsm/ed -noout
0|req -new -key keystore://hsm/p256 -subj /CN=x
0|req -x509 -new -key ed.pem -subj /CN=x
0|dgst -sha256 -sign keystore://hsm/rsa -out sig message
0|pkeyutl -sign -rawin -inkey keystore://hsm/ed -in message -out sig
0|pkeyutl -derive -inkey keystore://hsm/p256 -peerkey peer.pub -out secret
0|storeutl -noout keystore://hsm/
0|storeutl -noout -text keystore://hsm/rsa
0|cms -sign -binary -in message -signer rsa.crt -inkey rsa.pem -out cms
0|cms -decrypt -inform PEM -in sealed.pem -recip rsa.crt -inkey rsa.pem
0|cms -decrypt -inform PEM -in sealed.pem -recip p256.crt -inkey p256.pem
0|x509 -in rsa.crt -signkey keystore://hsm/rsa -noout
1|pkey -in keystore://hsm/nothing -noout
1|pkey -in keystore://askhsm/rsa -passin file:wrong_pin.txt -noout
1|dgst -sha256 -sign keystore://hsm/rsa -out sig no-such-file
4|cms -decrypt -inform PEM -in sealed.pem -inkey ed.pem
'

while IFS='|' read -r code arguments; do
    [ -n "$code" ] || continue
    for _ in $(seq "$TIMES"); do
        # shellcheck disable=SC2086 # words
        expect_exit "$code" ${UNDER[@]+"${UNDER[@]}"} openssl $arguments
    done
done < <(echo "$COMMANDS")
[ "${1-}" = memcheck ] || exit 0

title "caadm"
for command in "key test keystore://hsm/rsa" "backend check hsm" "key list"     "key create keystore://hsm/new --key-type ec:P-256"     "ca create ca --key keystore://hsm/ed --subject CN=ca --days 9"     "key show keystore://hsm/p256" "key delete keystore://hsm/new --yes"; do
    # shellcheck disable=SC2086 # words
    expect_exit 0 "${UNDER[@]}" caadm $command
done

title "servers"
for server in "forking used" "forking both" "forking each" "threaded shared" \
    "threaded each"; do
    # shellcheck disable=SC2086 # words
    set -- $server
    READY='^ACCEPT' start server "${UNDER[@]}" "$SERVERS_DIR/e2e_$1" "$2" \
        p256.crt keystore://hsm/p256
    PORT=$(sed -n 's/^ACCEPT .*:\([0-9]*\).*/\1/p' server.log)
    expect_ok "$SERVERS_DIR/e2e_client" "$PORT" p256.crt 12 4
    kill "$PID"
    RC=0
    wait "$PID" || RC=$?
    [ "$RC" -eq 0 ] || fail "$server ended with $RC: $(head -60 server.log)"
    pass
done
