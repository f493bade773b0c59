#!/bin/bash
# Keys that stay inside, in the corners that commands.sh does not reach: PSS
# certificates with every salt, TLS by RSA key exchange and old TLS versions,
# CMS to an EC key with other key derivation, S/MIME, and every way of writing
# such a key down. What it makes is checked by openssl without our provider.
#
# Usage: ops_inside.sh inside|hsm, the backend.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

BACKEND=${1:?backend}
hsm_home "$T/pki"
openssl_cnf "$T/openssl.cnf" default keystore
openssl_cnf "$T/plain.cnf" default
PLAIN=(env "OPENSSL_CONF=$T/plain.cnf" openssl)

# make NAME GENPKEY-ARGUMENT...
make()
{
    local name=$1

    shift
    expect_ok openssl genpkey -propquery provider=keystore "$@" -pkeyopt \
        "keystore-uri:keystore://$BACKEND/$name" -out "$name.pem"
}

printf 'words to sign\n' >message
USAGE=
[ "$BACKEND" != hsm ] || USAGE="-pkeyopt keystore-usage:sign,"
# shellcheck disable=SC2086 # an option and its argument, or nothing
make rsa -algorithm RSA -pkeyopt rsa_keygen_bits:2048 ${USAGE:+${USAGE}decrypt}
# shellcheck disable=SC2086
make ec -algorithm EC -pkeyopt group:P-256 ${USAGE:+${USAGE}derive}
make ed -algorithm ED25519
for name in rsa ec ed; do
    expect_ok openssl req -x509 -new -key "keystore://$BACKEND/$name" \
        -subj "/CN=$name" -out "$name.crt"
done

title "PSS certificates"
for salt in digest max auto 0 20 32; do
    for md in sha256 sha512; do
        expect_ok openssl req -x509 -new -key "keystore://$BACKEND/rsa" \
            -subj /CN=pss -$md -sigopt rsa_padding_mode:pss \
            -sigopt "rsa_pss_saltlen:$salt" -out pss.crt
        expect_ok "${PLAIN[@]}" verify -CAfile pss.crt -check_ss_sig pss.crt
        expect_ok "${PLAIN[@]}" x509 -in pss.crt -noout -text
        expect_stdout_has 'rsassaPss'
    done
done
expect_ok openssl req -new -key rsa.pem -subj /CN=pss -sha256 -sigopt \
    rsa_padding_mode:pss -sigopt rsa_mgf1_md:sha384 -out pss.csr
expect_ok "${PLAIN[@]}" req -in pss.csr -verify -noout

title "digests"
for md in sha1 sha224 sha256 sha384 sha512 sha3-256; do
    for name in rsa ec; do
        expect_ok openssl dgst "-$md" -sign "$name.pem" -out sig message
        expect_ok openssl pkey -in "$name.pem" -pubout -out pub.pem
        expect_ok "${PLAIN[@]}" dgst "-$md" -verify pub.pem -signature sig \
            message
    done
done
expect_fail openssl dgst -sha256 -sign ed.pem -out sig message
expect_fail openssl dgst -sha256 -sigopt rsa_padding_mode:x931 -sign rsa.pem \
    -out sig message
expect_stderr_has "keystore://$BACKEND/rsa"

title "TLS"
# handshake CIPHER VERSION: what was agreed on is in $T/out.
handshake()
{
    tls_server tls -cert rsa.crt -key "keystore://$BACKEND/rsa" "-$2" -cipher \
        "$1@SECLEVEL=0" -rev
    expect_ok "${PLAIN[@]}" s_client -connect "127.0.0.1:$PORT" -CAfile \
        rsa.crt -verify_return_error "-$2" -cipher "$1@SECLEVEL=0"
    expect_stdout_has 'Verify return code: 0'
    stop "$PID"
}
handshake AES128-SHA tls1_2 # the client encrypts the secret to our key
expect_stdout_has 'Cipher is AES128-SHA'
handshake AES256-GCM-SHA384 tls1_2
expect_stdout_has 'Cipher is AES256-GCM-SHA384'
handshake ECDHE-RSA-AES256-SHA tls1 # signs MD5 and SHA-1 together
expect_stdout_has 'Cipher is ECDHE-RSA-AES256-SHA'
handshake AES128-SHA tls1_1
expect_stdout_has 'Cipher is AES128-SHA'

title "CMS and S/MIME"
for option in ecdh_kdf_md:sha256 ecdh_kdf_md:sha512 ecdh_cofactor_mode:1; do
    expect_ok "${PLAIN[@]}" cms -encrypt -aes256 -binary -in message -recip \
        ec.crt -keyopt $option -outform PEM -out sealed.pem
    expect_ok openssl cms -decrypt -binary -inform PEM -in sealed.pem -recip \
        ec.crt -inkey ec.pem -out back
    expect_same back message
done
# To three at once; each finds its own, with and without its certificate.
expect_ok "${PLAIN[@]}" cms -encrypt -aes128 -binary -in message -outform PEM \
    -out sealed.pem -recip rsa.crt -recip ec.crt
for name in rsa ec; do
    expect_ok openssl cms -decrypt -binary -inform PEM -in sealed.pem \
        -recip "$name.crt" -inkey "$name.pem" -out back
    expect_same back message
    expect_ok openssl cms -decrypt -binary -inform PEM -in sealed.pem \
        -inkey "keystore://$BACKEND/$name" -out back
    expect_same back message
done
expect_ok openssl smime -sign -nodetach -binary -in message -signer rsa.crt -inkey \
    "keystore://$BACKEND/rsa" -out signed.txt
expect_ok "${PLAIN[@]}" smime -verify -in signed.txt -CAfile rsa.crt -out back
expect_ok "${PLAIN[@]}" smime -encrypt -binary -aes128 -in message -out \
    sealed.txt rsa.crt
expect_ok openssl smime -decrypt -in sealed.txt -recip rsa.crt -inkey rsa.pem \
    -out back
expect_same back message

title "writing a key down"
# stays_in WHAT: what the last command wrote is a URI and no private half.
stays_in()
{
    grep -q 'BEGIN PKCS#11 PROVIDER URI' "$1" || fail "no URI-PEM in $1"
    ! grep -q 'PRIVATE KEY' "$1" || fail "a key came out in $1"
    pass
}
expect_ok openssl pkey -in "keystore://$BACKEND/rsa" -out w.pem
stays_in w.pem
expect_ok openssl pkey -in rsa.pem -aes256 -passout file:pw.txt -out w.pem
stays_in w.pem
expect_ok openssl rsa -in "keystore://$BACKEND/rsa" -out w.pem
stays_in w.pem
expect_ok openssl rsa -in rsa.pem -traditional -out w.pem
stays_in w.pem
expect_ok openssl ec -in "keystore://$BACKEND/ec" -out w.pem
stays_in w.pem
for name in rsa ec ed; do
    rm -f w.der
    expect_fail openssl pkey -in "keystore://$BACKEND/$name" -outform DER \
        -out w.der
    expect_stderr_has 'stays in its backend'
    [ ! -s w.der ] || fail "DER of $name came out"
    expect_fail openssl pkcs8 -topk8 -nocrypt -in "$name.pem" -out w.der
    [ ! -s w.der ] || fail "PKCS#8 of $name came out"
    expect_fail openssl pkcs12 -export -inkey "$name.pem" -in "$name.crt" \
        -passout file:pw.txt -out w.der
    [ ! -s w.der ] || fail "PKCS#12 of $name came out"
    expect_ok openssl pkey -in "$name.pem" -noout -text
    expect_stdout_has "^URI: keystore://$BACKEND/$name\$"
    expect_stdout_has 'private key: stays in its backend'
done
# An extractable key that is asked for as ours is a name as well.
expect_ok openssl genpkey -propquery provider=keystore -algorithm EC \
    -pkeyopt group:P-384 -pkeyopt keystore-uri:keystore://default/w -out w.pem
stays_in w.pem
expect_ok openssl pkey -in keystore://default/w -propquery provider=keystore \
    -out w.pem
stays_in w.pem
