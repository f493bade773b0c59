#!/bin/bash
# TLS servers of the tests' own (servers/) with a P-256 key in an HSM, loaded
# by its URI through plain libssl: one that forks in every way, and one with
# threads. No handshake may fail, no process may die, and nothing may crash
# when one ends.
#
# Usage: hsm_servers.sh forking|threaded. From the environment: SERVERS_DIR,
# where they are built; HANDSHAKES, how many the main way of each must do.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

KIND=${1:?forking or threaded}
: "${SERVERS_DIR:?folder of e2e_forking}" "${HANDSHAKES:=10000}"
hsm_home "$T/pki"
openssl_cnf "$T/openssl.cnf" default keystore
openssl_cnf "$T/plain.cnf" default

# way to serve | its share of HANDSHAKES in per cent | key
case $KIND in
forking) WAYS='
before|100|keystore://hsm/www
used|10|keystore://hsm/www
child|10|keystore://hsm/www
both|10|keystore://hsm/www
before|10|pkcs11:token=main;object=www;type=private
each|10|keystore://hsm/www
' ;;
threaded) WAYS='
shared|100|keystore://hsm/www
own|10|keystore://hsm/www
shared|10|pkcs11:token=main;object=www;type=private
each|5|keystore://hsm/www
' ;;
esac

expect_ok openssl genpkey -propquery provider=keystore -algorithm EC \
    -pkeyopt group:P-256 -pkeyopt keystore-uri:keystore://hsm/www -out www.uri
expect_ok openssl req -x509 -new -key keystore://hsm/www -subj /CN=localhost \
    -days 2 -out www.crt

while IFS='|' read -r way share key; do
    [ -n "$way" ] || continue
    n=$((HANDSHAKES * share / 100))
    READY='^ACCEPT' start server "$SERVERS_DIR/e2e_$KIND" "$way" www.crt "$key"
    PORT=$(sed -n 's/^ACCEPT .*:\([0-9]*\).*/\1/p' server.log)
    began=$SECONDS
    LIMIT=300 expect_ok env "OPENSSL_CONF=$T/plain.cnf" \
        "$SERVERS_DIR/e2e_client" "$PORT" www.crt "$n" 4
    expect_stdout_has "^$n handshakes, 0 failed\$"
    kill "$PID"
    RC=0
    wait "$PID" || RC=$?
    [ "$RC" -eq 0 ] || fail "$KIND $way ended with $RC: $(tail -20 server.log)"
    grep -q "^served $n, failed 0\$" server.log ||
        fail "$KIND $way: $(tail -20 server.log)"
    pass
    title "$KIND $way: $n handshakes, $((SECONDS - began)) s"
done < <(echo "$WAYS")
