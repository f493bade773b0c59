#!/bin/bash
# A program that uses a key in an HSM ends well in every order (ends/ends.c):
# with the key kept or freed, before libcrypto or after it, with a stream, a
# store, a provider or a context left open, from an exit handler, amid busy
# threads, in children and grandchildren, and by becoming another program.
#
# Usage: hsm_ends.sh [memcheck]: once each under valgrind: no bad access,
# nothing lost for good.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

ENDS=${SERVERS_DIR:?folder of e2e_ends}/e2e_ends
WAYS="keep free cleanup cleanup-first free-late free-early sign-early quick
at-once stream-open store-open unload contexts fork-before fork-after
fork-unused fork-twice fork-amid-stream exec fork-exec"
BUSY="busy-exec busy-at-once busy-fork"
TIMES=3
UNDER=()
if [ "${1-}" = memcheck ]; then
    BUSY= # a thread that is cut off loses what it holds
    TIMES=1
    UNDER=(valgrind --quiet --error-exitcode=98
        --errors-for-leak-kinds=definite --show-leak-kinds=definite
        --keep-debuginfo=yes --num-callers=30 --trace-children=yes
        --suppressions="$HERE/data/softhsm.supp")
fi
hsm_home "$T/pki"
sed -i '/^\[backend askhsm\]/,$d' "$T/pki/caadm.conf"
openssl_cnf "$T/openssl.cnf" default keystore
for key in "p256 -algorithm EC -pkeyopt group:P-256" \
    "rsa -algorithm RSA -pkeyopt rsa_keygen_bits:2048"; do
    # shellcheck disable=SC2086 # words
    set -- $key
    name=$1
    shift
    expect_ok openssl genpkey -propquery provider=keystore "$@" \
        -pkeyopt "keystore-uri:keystore://hsm/$name" -out "$name.pem"
done

for way in $WAYS $BUSY; do
    uris=(keystore://hsm/p256)
    # A pkcs11: URI means the next module where SoftHSM does not show a token
    # for a moment, as it does when four log in at once.
    [ "$TIMES" -eq 1 ] || [ "$way" = fork-before ] ||
        uris+=('pkcs11:token=main;object=rsa')
    leaks=full
    case $way in
    # What a key holds of a libcrypto that has ended is lost, ours or not.
    cleanup-first | free-late) leaks=no ;;
    esac
    for uri in "${uris[@]}"; do
        for _ in $(seq "$TIMES"); do
            LIMIT=120 expect_exit 0 ${UNDER[@]+"${UNDER[@]}" --leak-check=$leaks} \
                "$ENDS" "$way" "$uri"
        done
    done
done
# A failure would be seen.
expect_exit 99 "$ENDS" keep keystore://hsm/nothing
expect_exit 2 "$ENDS" no-such-way keystore://hsm/p256
