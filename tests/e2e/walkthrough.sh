#!/bin/bash
# The lines that README, demo and manual promise, word for word: a root, an
# intermediate, a certificate for a request, one with a new key, lists, and
# openssl with the keys by name. A port that is free is the only difference.
. "$(dirname "$0")/lib.sh"

openssl_cnf "$T/openssl.cnf" default keystore
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout host.key -subj "/CN=host.example.com" -out host.csr 2>/dev/null

# line TEXT: one line as a person types it.
line()
{
    echo "\$ $1"
    run bash -c "$1"
    [ "$RC" -eq 0 ] || fail "exit $RC: $1"
    expect_no_secret
    pass
}

export CAADM_HOME=$PWD/pki
title "a CA, with the full cost of a passphrase"
line 'caadm init --passphrase file:pw.txt'
line 'caadm ca create root --subject "CN=Example Root CA,O=Example" --key-type ec:P-384 --days 3650'
line 'caadm ca create issuing --parent root --backend default --subject "CN=Example Issuing CA,O=Example" --key-type rsa:3072 --days 1825 --path-length 0'
line 'caadm cert issue --ca issuing --profile server --csr host.csr --san host.example.com --out host.pem'
line 'caadm cert issue --ca issuing --profile server --san www.example.com --san 192.0.2.7 --new-key keystore://default/www --out www.pem'
line 'caadm cert list --ca issuing --json'
expect_equal "serials in the list" "$(jq -r '.. | .serial? // empty' out |
    sort -u | wc -l)" 2
line 'caadm key list'
expect_stdout_has 'keystore://default/root'
expect_stdout_has 'keystore://default/issuing'
expect_stdout_has 'keystore://default/www'
line 'openssl pkey -provider default -provider keystore -in keystore://default/root -pubout'
expect_stdout_has 'BEGIN PUBLIC KEY'
line 'openssl genpkey -propquery provider=keystore -algorithm EC -pkeyopt group:P-256 -pkeyopt keystore-uri:keystore://default/web -out web.pem'
expect_ok grep -q 'PKCS#11 PROVIDER URI' web.pem
line 'caadm ca show root --format pem --out root.pem'
line 'caadm doctor'

title "what came out"
expect_equal "certificates in host.pem" "$(grep -c BEGIN host.pem)" 2
expect_equal "certificates in www.pem" "$(grep -c BEGIN www.pem)" 2
openssl_cnf "$T/plain.cnf" default
export OPENSSL_CONF=$T/plain.cnf
expect_ok openssl verify -x509_strict -purpose sslserver -CAfile root.pem \
    -untrusted host.pem -verify_hostname host.example.com host.pem
expect_ok openssl verify -x509_strict -purpose sslserver -CAfile root.pem \
    -untrusted www.pem -verify_hostname www.example.com www.pem
expect_ok openssl verify -x509_strict -purpose sslserver -CAfile root.pem \
    -untrusted www.pem -verify_ip 192.0.2.7 www.pem
openssl pkey -in host.key -pubout -out host.pub
expect_ok openssl x509 -in host.pem -noout -pubkey
expect_same out host.pub
expect_ok openssl x509 -in host.pem -noout -text
expect_stdout_has 'Signature Algorithm: sha256WithRSAEncryption'
expect_ok openssl x509 -in root.pem -noout -text
expect_stdout_has 'Signature Algorithm: ecdsa-with-SHA384'

title "a sealed file opens with openssl alone, at the promised cost"
unset OPENSSL_MODULES
sealed=$(find pki/keys -type f -name '*root*' -exec grep -l ENCRYPTED {} +)
expect_ok openssl pkey -in "$sealed" -passin file:pw.txt -noout -check
expect_fail openssl pkey -in "$sealed" -passin file:wrong.txt -noout
expect_ok openssl asn1parse -in "$sealed"
expect_stdout_has 'OBJECT  *:PBES2'
expect_stdout_has 'OBJECT  *:scrypt'
expect_stdout_has 'INTEGER  *:4000$'
expect_stdout_has 'INTEGER  *:05$'
expect_stdout_has 'OBJECT  *:aes-256-cbc'

title "a TLS server by the key's name"
export OPENSSL_CONF=$T/openssl.cnf OPENSSL_MODULES=$MODULES
tls_server server -key keystore://default/www -cert www.pem -cert_chain \
    www.pem -www
for version in 1_2 1_3; do
    expect_ok env OPENSSL_CONF="$T/plain.cnf" openssl s_client -connect \
        "127.0.0.1:$PORT" -CAfile root.pem -verify_hostname www.example.com \
        -verify_return_error -tls$version -brief
    expect_stderr_has 'Verification: OK'
done
