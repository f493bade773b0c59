#!/bin/bash
# A token that another program filled, with an Ed25519 key beside RSA and EC
# keys: all three work. libp11, which finds our tokens, finds no key at all
# on such a one (0.4.12); that is shown as well, through its own engine.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

hsm_home "$T/pki"
KEYSTORE_LINE="pkcs11-module-path = $HSM_MODULE" \
    openssl_cnf "$T/openssl.cnf" default keystore
openssl_cnf "$T/plain.cnf" default
PLAIN=(env "OPENSSL_CONF=$T/plain.cnf" openssl)
seq 100 >message

# engine KEY: signs by libp11's engine.
engine()
{
    run env "PKCS11_MODULE_PATH=$HSM_MODULE" "${PLAIN[@]}" dgst -sha256 \
        -engine pkcs11 -keyform engine \
        -sign "pkcs11:token=main;object=$1;type=private;pin-value=$PIN" \
        -out engine.sig message
}

# write LABEL TYPE ID
write()
{
    expect_ok tool --token-label main --keypairgen --label "$1" \
        --key-type "$2" --id "$3" --usage-sign
}

title "RSA and EC alone"
write rsa rsa:2048 01
write ec EC:secp256r1 02
for key in rsa ec; do
    engine $key
    [ "$RC" -eq 0 ] || fail "the engine does not even sign with $key"
    pass
done
expect_ok openssl storeutl -noout keystore://hsm/
expect_stdout_has 'Total found: 2$'

title "with an Ed25519 key beside them"
write ed EC:edwards25519 03
for key in rsa ec; do
    engine $key
    [ "$RC" -ne 0 ] || fail "libp11 finds $key: this test proves nothing now"
    pass
done

for place in keystore://hsm/ 'pkcs11:token=main;object='; do
    for key in rsa ec ed; do
        uri=$place$key
        expect_ok openssl pkey -pubin -in "$uri" -pubout -out pub.pem
        expect_ok openssl req -x509 -new -key "$uri" -subj "/CN=$key" \
            -out crt.pem
        expect_ok "${PLAIN[@]}" verify -CAfile crt.pem -check_ss_sig crt.pem
        expect_ok openssl pkeyutl -sign -rawin -inkey "$uri" -in message \
            -out sig
        expect_ok "${PLAIN[@]}" pkeyutl -verify -rawin -pubin -inkey \
            pub.pem -in message -sigfile sig
    done
done
expect_ok openssl storeutl -noout keystore://hsm/
for key in rsa ec ed; do
    expect_stdout_has "Name: keystore://hsm/$key\$"
done
expect_stdout_has 'Total found: 3$'

title "caadm adopts them"
for key in rsa ec ed; do
    expect_ok caadm key test keystore://hsm/$key
    expect_ok caadm ca create "$key" --key keystore://hsm/$key \
        --subject "CN=$key root" --days 900
    expect_ok caadm ca show "$key" --format pem --out "$key.root"
    expect_ok "${PLAIN[@]}" verify -x509_strict -check_ss_sig -CAfile \
        "$key.root" "$key.root"
done
