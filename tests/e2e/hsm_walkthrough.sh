#!/bin/bash
# The walk-through of README and manual with keys in an HSM: an issuing CA
# on a token below a root in a file; then root, issuing CA, and a server's
# key on tokens. What openssl and caadm make of it, word for word.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

openssl_cnf "$T/openssl.cnf" default keystore
openssl_cnf "$T/plain.cnf" default
PLAIN=(env "OPENSSL_CONF=$T/plain.cnf" openssl)
softhsm_home
softhsm_token my_token_label vault
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
title "an issuing CA on a token"
line 'caadm init --passphrase file:pw.txt'
hsm_backend pki/caadm.conf hsm my_token_label
hsm_backend pki/caadm.conf vault vault
line 'caadm backend check hsm'
expect_stdout_has 'my_token_label'
line 'caadm ca create root --subject "CN=Example Root CA,O=Example" --key-type ec:P-384 --days 3650'
line 'caadm ca create issuing --parent root --backend hsm --subject "CN=Example Issuing CA,O=Example" --key-type rsa:3072 --days 1825 --path-length 0'
line 'caadm cert issue --ca issuing --profile server --csr host.csr --san host.example.com --out host.pem'
line 'caadm cert issue --ca issuing --profile server --san www.example.com --san 192.0.2.7 --new-key keystore://hsm/www --key-type ec:P-256 --out www.pem'
line 'caadm cert list --ca issuing --json'
expect_equal "serials in the list" "$(jq -r '.. | .serial? // empty' out |
    sort -u | wc -l)" 2
line 'caadm key list'
expect_stdout_has 'keystore://default/root'
expect_stdout_has 'keystore://hsm/issuing'
expect_stdout_has 'keystore://hsm/www'
line 'caadm key show keystore://hsm/issuing'
line 'openssl pkey -provider default -provider keystore -in keystore://hsm/issuing -pubout'
expect_stdout_has 'BEGIN PUBLIC KEY'
line 'openssl genpkey -propquery provider=keystore -algorithm EC -pkeyopt group:P-256 -pkeyopt keystore-uri:keystore://hsm/web -out web.pem'
expect_ok grep -q 'PKCS#11 PROVIDER URI' web.pem
line 'caadm ca show root --format pem --out root.pem'
line 'caadm doctor'

title "what came out"
for name in host www; do
    expect_equal "certificates in $name.pem" "$(grep -c BEGIN $name.pem)" 2
    expect_ok "${PLAIN[@]}" verify -x509_strict -purpose sslserver -CAfile \
        root.pem -untrusted $name.pem -verify_hostname $name.example.com \
        $name.pem
done
expect_ok "${PLAIN[@]}" x509 -in host.pem -noout -text
expect_stdout_has 'Signature Algorithm: sha256WithRSAEncryption'
expect_ok certtool --verify --load-ca-certificate root.pem --infile host.pem

title "the root on a token of its own"
line 'caadm ca create hsm-root --backend vault --key-type ec:P-384 --subject "CN=HSM Root,O=Example" --days 3650'
line 'caadm ca create hsm-issuing --parent hsm-root --backend hsm --key-type ec:P-256 --subject "CN=HSM Issuing,O=Example" --days 1825'
line 'caadm cert issue --ca hsm-issuing --san www2.example.com --new-key keystore://hsm/www2 --key-type rsa:2048 --out www2.pem'
line 'caadm ca show hsm-root --format pem --out hsm-root.pem'
expect_ok "${PLAIN[@]}" verify -x509_strict -purpose sslserver -CAfile \
    hsm-root.pem -untrusted www2.pem -verify_hostname www2.example.com www2.pem
expect_equal "keys in the vault" "$(objects vault privkey | wc -l)" 1
expect_equal "keys in hsm" "$(objects my_token_label privkey | wc -l)" 5

title "label and id that are given"
line 'caadm key create keystore://hsm/signer --key-type ec:P-256 --key-id 0a0b'
expect_ok tool --token-label my_token_label --list-objects --type privkey
expect_equal "the id of signer" "$(grep -A1 'label: *signer$' out |
    awk '/ID:/ { print $2 }')" 0a0b

line 'caadm ca create labelled --backend hsm --key-label "Another Label" --key-id 77 --key-type ec:P-256 --subject CN=labelled --days 900'
expect_ok tool --token-label my_token_label --list-objects --type privkey
expect_equal "the id of Another Label" "$(grep -A1 'label: *Another Label$' \
    out | awk '/ID:/ { print $2 }')" 77

line 'caadm cert issue --ca labelled --csr host.csr --san a.example.com --out a.pem'

title "TLS by the key's name"
# serve KEY CERT ROOT HOST
serve()
{
    tls_server server -key "$1" -cert "$2" -cert_chain "$2" -www
    for version in 1_2 1_3; do
        expect_ok "${PLAIN[@]}" s_client -connect "127.0.0.1:$PORT" -CAfile \
            "$3" -verify_hostname "$4" -verify_return_error -tls$version -brief
        expect_stderr_has 'Verification: OK'
        expect_ok bash -c "echo | gnutls-cli --x509cafile '$3' -p $PORT \
            --priority NORMAL:-VERS-ALL:+VERS-TLS${version/_/.} \
            --verify-hostname '$4' 127.0.0.1"
    done
    stop "$PID"
}
serve keystore://hsm/www www.pem root.pem www.example.com
serve 'pkcs11:token=my_token_label;object=www2;type=private' www2.pem \
    hsm-root.pem www2.example.com

title "a key goes for good"
line 'caadm key delete keystore://hsm/web --yes'
expect_equal "objects that are left of web" \
    "$(tool --token-label my_token_label --list-objects 2>/dev/null |
        grep -c 'label: *web$')" 0
