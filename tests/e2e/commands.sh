#!/bin/bash
# Every openssl command with a key that a URI names: for each algorithm, each
# way to write the key down (its URI; the URI-PEM that genpkey wrote), each
# command that the algorithm allows. What our key signed or decrypted is
# checked by openssl without our provider.
#
# Usage: commands.sh BACKEND
#   default  files, extractable     inside  files whose keys do not leave
#   db       a database
#   hsm      a token, as backend    pkcs11  a token, by pkcs11: URIs and with
#            of caadm.conf                  no caadm.conf at all
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

BACKEND=${1:?backend}
# $PLACE$ALG$MORE is the URI of a key, $ASKED$ALG with no secret configured,
# $SECRET the file with the right one.
PLACE=keystore://$BACKEND/
ASKED=keystore://ask-$BACKEND/
MORE=
SECRET=$T/pw.txt
case $BACKEND in
pkcs11)
    softhsm_home
    softhsm_token main
    PLACE="pkcs11:token=main;object="
    ASKED=$PLACE
    MORE="?pin-source=file:$T/pin.txt"
    SECRET=$T/pin.txt
    KEYSTORE_LINE="pkcs11-module-path = $HSM_MODULE"
    ;;
hsm)
    hsm_home "$T/pki"
    hsm_backend "$T/pki/caadm.conf" ask-hsm main ''
    SECRET=$T/pin.txt
    ;;
*)
    keystore_home "$T/pki"
    cat >>"$T/pki/caadm.conf" <<CONF

[backend ask-default]
type = file
path = keys
$CHEAP_KDF

[backend ask-inside]
type = file
path = inside
extractable = no
$CHEAP_KDF

[backend db]
type = sqlite
path = keys.db
passphrase = file:pw
$CHEAP_KDF

[backend ask-db]
type = sqlite
path = keys.db
$CHEAP_KDF
CONF
    ;;
esac
openssl_cnf "$T/openssl.cnf" default keystore
openssl_cnf "$T/plain.cnf" default
PLAIN=(env "OPENSSL_CONF=$T/plain.cnf" openssl)

on_token()
{
    [ "$BACKEND" = hsm ] || [ "$BACKEND" = pkcs11 ]
}

comes_out()
{
    [ "$BACKEND" = default ] || [ "$BACKEND" = db ]
}

# name | genpkey's arguments | what it can do
ALGORITHMS='
rsa2048|-algorithm RSA -pkeyopt rsa_keygen_bits:2048|sign hash raw cms decrypt rsa-open
rsa3072|-algorithm RSA -pkeyopt rsa_keygen_bits:3072|sign hash raw cms decrypt rsa-open
rsa4096|-algorithm RSA -pkeyopt rsa_keygen_bits:4096|sign hash raw cms decrypt rsa-open
rsapss|-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048|sign hash raw cms-pss
p256|-algorithm EC -pkeyopt group:P-256|sign hash raw cms decrypt derive
p384|-algorithm EC -pkeyopt group:P-384|sign hash raw cms decrypt derive
p521|-algorithm EC -pkeyopt group:P-521|sign hash raw cms decrypt derive
ed25519|-algorithm ED25519|sign raw
ed448|-algorithm ED448|sign raw
x25519|-algorithm X25519|derive
x448|-algorithm X448|derive
'
# What SoftHSM makes. A key in an HSM can what it was made for.
ON_TOKEN='
rsa2048|-algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt keystore-usage:sign,decrypt|sign hash raw cms decrypt rsa-open
rsa3072|-algorithm RSA -pkeyopt rsa_keygen_bits:3072|sign hash raw cms
rsapss|-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048|sign hash raw cms-pss
p256|-algorithm EC -pkeyopt group:P-256 -pkeyopt keystore-usage:sign,derive|sign hash raw cms decrypt derive
p384|-algorithm EC -pkeyopt group:P-384 -pkeyopt keystore-usage:sign,derive|sign hash raw cms decrypt derive
p521|-algorithm EC -pkeyopt group:P-521 -pkeyopt keystore-usage:sign,derive|sign hash raw cms decrypt derive
bp256|-algorithm EC -pkeyopt group:brainpoolP256r1|sign hash raw cms
k256|-algorithm EC -pkeyopt group:secp256k1|sign hash raw cms
ed25519|-algorithm ED25519|sign raw
ed448|-algorithm ED448|sign raw
x25519|-algorithm X25519|derive
x448|-algorithm X448|derive
'
! on_token || ALGORITHMS=$ON_TOKEN

# what it needs | command; each is a function below
COMMANDS='
any|pkey
any|pkey_passphrase
any|storeutl
sign|req_new
sign|req_x509
sign|x509_req
sign|x509_signkey
sign|ca
sign|ocsp
sign|tls
hash|dgst
hash|pkeyutl_hash
raw|pkeyutl_raw
cms|cms_sign
cms-pss|cms_sign_pss
decrypt|cms_decrypt
rsa-open|pkeyutl_decrypt
derive|pkeyutl_derive
'

# In all of these: $K the key as given, $URI its URI, $D the algorithm's
# folder with pub.pem and crt.pem, made before by way of the URI.

do_pkey()
{
    expect_ok openssl pkey -in "$K" -pubout
    expect_same out "$D/pub.pem"
    expect_ok openssl pkey -in "$K" -noout -text_pub
    expect_stdout_has '(Public-Key|PUBLIC-KEY)'
    expect_ok openssl pkey -in "$K"
    if ! comes_out; then
        expect_stdout_has 'BEGIN PKCS#11 PROVIDER URI'
        ! grep -q 'PRIVATE KEY' out || fail "a key came out"
        expect_ok openssl pkey -in "$K" -noout -text
        expect_stdout_has '(Public-Key|PUBLIC-KEY)'
        expect_stdout_has "${PLACE%%:*}:.*[/=]$ALG"
        ! grep -qE '^(priv:|privateExponent|prime1)' out ||
            fail "a key came out"
    else
        cp out private.pem
        expect_ok "${PLAIN[@]}" pkey -in private.pem -pubout
        expect_same out "$D/pub.pem"
        expect_ok openssl pkey -in "$K" -noout -check
        expect_ok openssl pkey -in "$K" -noout -text
        expect_stdout_has '(Private-Key|PRIVATE-KEY)'
    fi
}

# The same key, of a backend that has no passphrase configured: the right one
# opens it, a wrong one and none do not, and each is told. Its file opens with
# plain openssl, without our provider.
do_pkey_passphrase()
{
    local k=$ASKED$ALG file=$T/pki/$BACKEND/$ALG.pem

    [ "$BACKEND" != default ] || file=$T/pki/keys/$ALG.pem
    if [ "$BACKEND" = db ]; then
        file=$D/row.der
        sqlite3 -readonly "$T/pki/keys.db" \
            "SELECT hex(private) FROM key WHERE label = '$ALG'" |
            xxd -r -p >"$file"
    fi
    if [ "$K" != "$URI" ]; then
        expect_ok openssl pkey -in "$k" -propquery provider=keystore \
            -passin file:"$SECRET" -out "$D/ask.pem"
        grep -q 'BEGIN PKCS#11 PROVIDER URI' "$D/ask.pem" ||
            fail "no URI-PEM of $k"
        k=$D/ask.pem
    fi
    expect_ok openssl pkey -in "$k" -passin file:"$SECRET" -pubout
    expect_same out "$D/pub.pem"
    expect_ok openssl pkey -in "$k" -passin file:"$SECRET" -noout -text
    expect_stdout_has '([Pp]rivate.[Kk]ey|PRIVATE-KEY)'
    expect_fail openssl pkey -in "$k" -passin file:"$T/wrong.txt" -noout
    if on_token; then
        expect_stderr_has 'keystore.*CKR_PIN_INCORRECT'
        expect_stderr_has 'token "?main'
    else
        expect_stderr_has 'keystore.*wrong passphrase'
    fi
    grep -qF -e "$ASKED$ALG" err || [ "$k" != "$ASKED$ALG" ] ||
        fail "errors lack $ASKED$ALG"
    expect_fail setsid -w openssl pkey -in "$k" -noout
    expect_stderr_has 'passphrase|PIN'
    ! grep -qiE 'wrong|INCORRECT' err ||
        fail "a missing secret is not a wrong one"
    expect_ok openssl pkey -pubin -in "$ASKED$ALG" -pubout
    expect_same out "$D/pub.pem"
    ! on_token || return 0
    expect_ok "${PLAIN[@]}" pkey -in "$file" -passin file:"$T/pw.txt" -pubout
    expect_same out "$D/pub.pem"
    expect_fail "${PLAIN[@]}" pkey -in "$file" -passin file:"$T/wrong.txt" \
        -noout
}

do_storeutl()
{
    expect_ok openssl storeutl -noout -text "$K"
    expect_stdout_has 'Total found: 1'
    expect_ok openssl storeutl -noout -keys "$K"
    expect_stdout_has '^0: Pkey'
}

do_req_new()
{
    expect_ok openssl req -new -key "$K" -subj "/CN=$ALG" -out r.csr
    expect_ok "${PLAIN[@]}" req -in r.csr -noout -verify -pubkey
    expect_same out "$D/pub.pem"
}

do_req_x509()
{
    expect_ok openssl req -x509 -key "$K" -subj "/CN=$ALG" -days 2 -out r.pem
    expect_ok "${PLAIN[@]}" verify -CAfile r.pem -check_ss_sig r.pem
    expect_ok "${PLAIN[@]}" x509 -in r.pem -noout -pubkey
    expect_same out "$D/pub.pem"
}

do_x509_req()
{
    expect_ok openssl x509 -req -in "$T/leaf.csr" -CA "$D/crt.pem" \
        -CAkey "$K" -set_serial 7 -days 2 -out leaf.pem
    expect_ok "${PLAIN[@]}" verify -CAfile "$D/crt.pem" leaf.pem
}

do_x509_signkey()
{
    expect_ok openssl x509 -in "$D/crt.pem" -signkey "$K" -days 3 -out s.pem
    expect_ok "${PLAIN[@]}" verify -CAfile s.pem -check_ss_sig s.pem
}

do_ca()
{
    rm -rf ca
    mkdir ca
    : >ca/index.txt
    expect_ok openssl ca -batch -config "$HERE/data/ca.cnf" \
        -cert "$D/crt.pem" -keyfile "$K" -in "$T/leaf.csr" -out ca/leaf.pem
    expect_ok "${PLAIN[@]}" verify -CAfile "$D/crt.pem" ca/leaf.pem
    expect_ok openssl ca -config "$HERE/data/ca.cnf" -cert "$D/crt.pem" \
        -keyfile "$K" -revoke ca/leaf.pem
    expect_ok openssl ca -config "$HERE/data/ca.cnf" -cert "$D/crt.pem" \
        -keyfile "$K" -gencrl -out ca/crl.pem
    expect_ok "${PLAIN[@]}" crl -in ca/crl.pem -CAfile "$D/crt.pem" -noout
    expect_exit 2 "${PLAIN[@]}" verify -crl_check -CAfile "$D/crt.pem" \
        -CRLfile ca/crl.pem ca/leaf.pem
}

# Without a server: the request is a file, and so is the response. Runs after
# do_ca, whose certificate is revoked.
do_ocsp()
{
    expect_ok "${PLAIN[@]}" ocsp -issuer "$D/crt.pem" -cert ca/leaf.pem \
        -no_nonce -reqout ca/req.der
    expect_ok openssl ocsp -index ca/index.txt -CA "$D/crt.pem" -rsigner \
        "$D/crt.pem" -rkey "$K" -ndays 1 -reqin ca/req.der -respout ca/resp.der
    expect_ok "${PLAIN[@]}" ocsp -respin ca/resp.der -issuer "$D/crt.pem" \
        -cert ca/leaf.pem -CAfile "$D/crt.pem" -no_nonce
    expect_stdout_has 'leaf.pem: revoked'
    expect_stderr_has 'Response verify OK'
}

do_dgst()
{
    local md

    for md in sha256 sha384; do
        expect_ok openssl dgst -$md -sign "$K" -out sig "$T/message"
        expect_ok "${PLAIN[@]}" dgst -$md -verify "$D/pub.pem" \
            -signature sig "$T/message"
        expect_ok openssl dgst -$md -prverify "$K" -signature sig "$T/message"
    done
    case $ALG in
    rsa*)
        expect_ok openssl dgst -sha256 -sign "$K" -sigopt \
            rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -out sig \
            "$T/message"
        expect_ok "${PLAIN[@]}" dgst -sha256 -verify "$D/pub.pem" -sigopt \
            rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -signature sig \
            "$T/message"
        ;;
    esac
}

do_pkeyutl_hash()
{
    expect_ok openssl pkeyutl -sign -inkey "$K" -in "$T/hash" \
        -pkeyopt digest:sha256 -out sig
    expect_ok "${PLAIN[@]}" pkeyutl -verify -pubin -inkey "$D/pub.pem" \
        -in "$T/hash" -pkeyopt digest:sha256 -sigfile sig
    expect_ok openssl pkeyutl -verify -inkey "$K" -in "$T/hash" \
        -pkeyopt digest:sha256 -sigfile sig
    expect_fail openssl pkeyutl -verify -inkey "$K" -in "$T/other" \
        -pkeyopt digest:sha256 -sigfile sig
}

do_pkeyutl_raw()
{
    expect_ok openssl pkeyutl -sign -rawin -inkey "$K" -in "$T/message" \
        -out sig
    expect_ok "${PLAIN[@]}" pkeyutl -verify -rawin -pubin -inkey \
        "$D/pub.pem" -in "$T/message" -sigfile sig
    expect_ok openssl pkeyutl -verify -rawin -inkey "$K" -in "$T/message" \
        -sigfile sig
}

cms_sign()
{
    expect_ok openssl cms -sign -binary -nodetach -in "$T/message" -signer \
        "$D/crt.pem" -inkey "$K" "$@" -out signed.pem -outform PEM
    expect_ok "${PLAIN[@]}" cms -verify -binary -inform PEM -in signed.pem \
        -CAfile "$D/crt.pem" -purpose any -out back
    expect_same back "$T/message"
}

do_cms_sign()
{
    cms_sign
    cms_sign -md sha384
    case $ALG in
    rsa*) cms_sign -keyopt rsa_padding_mode:pss ;;
    esac
}

do_cms_sign_pss()
{
    cms_sign -keyopt rsa_padding_mode:pss
}

cms_decrypt()
{
    expect_ok "${PLAIN[@]}" cms -encrypt -aes256 -binary -in "$T/message" \
        -out sealed.pem -outform PEM -recip "$D/crt.pem" "$@"
    expect_ok openssl cms -decrypt -binary -inform PEM -in sealed.pem -recip \
        "$D/crt.pem" -inkey "$K" -out back
    expect_same back "$T/message"
}

do_cms_decrypt()
{
    cms_decrypt
    case $ALG.$BACKEND in
    rsa*.hsm | rsa*.pkcs11) cms_decrypt -keyopt rsa_padding_mode:oaep ;;
    rsa*) cms_decrypt -keyopt rsa_padding_mode:oaep \
        -keyopt rsa_oaep_md:sha256 ;;
    esac
}

do_pkeyutl_decrypt()
{
    local options

    for options in '' '-pkeyopt rsa_padding_mode:oaep' \
        '-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256' \
        '-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_label:6162'; do
        # shellcheck disable=SC2086 # options are words
        expect_ok "${PLAIN[@]}" pkeyutl -encrypt -pubin -inkey "$D/pub.pem" \
            $options -in "$T/message" -out sealed
        # SoftHSM's OAEP has SHA-1 and no label.
        case $options in
        *oaep_md* | *oaep_label*)
            if on_token; then
                # shellcheck disable=SC2086
                expect_fail openssl pkeyutl -decrypt -inkey "$K" $options \
                    -in sealed -out back
                expect_stderr_has 'keystore.*token "main"'
                continue
            fi
            ;;
        esac
        # shellcheck disable=SC2086
        expect_ok openssl pkeyutl -decrypt -inkey "$K" $options -in sealed \
            -out back
        expect_same back "$T/message"
    done
}

do_pkeyutl_derive()
{
    expect_ok openssl pkeyutl -derive -inkey "$K" -peerkey "$D/peer.pub" \
        -out ours
    expect_ok "${PLAIN[@]}" pkeyutl -derive -inkey "$D/peer.pem" -peerkey \
        "$D/pub.pem" -out theirs
    expect_same ours theirs
}

# answered: waits until the server's answer has come, or would have.
answered()
{
    local tries=0

    until grep -q 'uoy ti si' out || [ $((tries += 1)) -gt 100 ]; do
        sleep 0.1
    done
}

# Both sides show a certificate whose key is ours.
do_tls()
{
    local version

    case $ALG in
    bp256 | k256) return ;; # TLS 1.3 has no such certificates
    esac
    for version in 1_2 1_3; do
        tls_server tls -cert "$D/crt.pem" -key "$K" -CAfile "$D/crt.pem" \
            -Verify 1 -verify_return_error -tls$version -rev
        echo 'is it you' >hello
        RC=0
        timeout 20 openssl s_client -connect "127.0.0.1:$PORT" -cert \
            "$D/crt.pem" -key "$K" -CAfile "$D/crt.pem" -verify 1 \
            -verify_return_error -tls$version -quiet -no_ign_eof \
            >out 2>err < <(cat hello; answered; echo Q) || RC=$?
        expect_equal "s_client, TLS $version, $K" "$RC" 0
        expect_stdout_has 'uoy ti si'
        stop "$PID"
    done
}

# by_hand URI: a URI-PEM as pkcs11-provider writes it, made without us; here
# with the place of the PIN in it.
by_hand()
{
    printf '%s\n' 'asn1 = SEQUENCE:seq' '[seq]' \
        'a = VISIBLESTRING:PKCS\#11 Provider URI v1.0' "b = UTF8:$1" >asn1.cnf
    "${PLAIN[@]}" asn1parse -genconf asn1.cnf -noout -out asn1.der
    echo '-----BEGIN PKCS#11 PROVIDER URI-----'
    base64 -w 64 asn1.der
    echo '-----END PKCS#11 PROVIDER URI-----'
}

make_key()
{
    title "$ALG"
    D=$T/$ALG
    mkdir "$D"
    URI=$PLACE$ALG$MORE
    # shellcheck disable=SC2086 # the arguments are words
    expect_ok openssl genpkey -propquery provider=keystore $GENPKEY \
        -pkeyopt "keystore-uri:$URI" -out "$D/uri.pem"
    grep -q 'BEGIN PKCS#11 PROVIDER URI' "$D/uri.pem" ||
        fail "genpkey wrote no URI-PEM: $(cat "$D/uri.pem")"
    expect_ok openssl pkey -in "$D/uri.pem" -noout
    [ "$BACKEND" != pkcs11 ] || by_hand "$URI" >"$D/uri.pem"
    expect_ok openssl pkey -pubin -in "$URI" -pubout -out "$D/pub.pem"
    # A taken name is refused and the key there is not touched.
    # shellcheck disable=SC2086
    expect_fail openssl genpkey -propquery provider=keystore $GENPKEY \
        -pkeyopt "keystore-uri:$URI" -out "$D/again.pem"
    expect_stderr_has 'taken|exists'
    case $ABILITIES in
    *sign*)
        expect_ok openssl req -x509 -new -key "$URI" -subj "/CN=$ALG" \
            -addext "subjectAltName=DNS:localhost" -out "$D/crt.pem"
        ;;
    esac
    case $ABILITIES in
    *derive*)
        # shellcheck disable=SC2086
        expect_ok "${PLAIN[@]}" genpkey \
            ${GENPKEY% -pkeyopt keystore-usage*} -out "$D/peer.pem"
        expect_ok "${PLAIN[@]}" pkey -in "$D/peer.pem" -pubout \
            -out "$D/peer.pub"
        ;;
    esac
}

run_commands()
{
    local ability command

    while IFS='|' read -r ability command; do
        [ -n "$ability" ] || continue
        case " any $ABILITIES " in
        *" $ability "*) "do_$command" ;;
        esac
    done < <(echo "$COMMANDS")
}

printf 'words to sign, 32 bytes or less' >message
openssl dgst -sha256 -binary message >hash
openssl dgst -sha256 -binary hash >other
"${PLAIN[@]}" genpkey -algorithm EC -pkeyopt group:P-256 -out leaf.key
"${PLAIN[@]}" req -new -key leaf.key -subj /CN=leaf -out leaf.csr

while IFS='|' read -r ALG GENPKEY ABILITIES; do
    [ -n "$ALG" ] || continue
    make_key
    for K in "$URI" "$D/uri.pem"; do
        run_commands
    done
done < <(echo "$ALGORITHMS")

title "listing"
case $BACKEND in
pkcs11) expect_ok openssl storeutl -noout "pkcs11:token=main" ;;
*) expect_ok openssl storeutl -noout "$PLACE" ;;
esac
while IFS='|' read -r ALG _; do
    [ -z "$ALG" ] ||
        expect_stdout_has "Name: ${PLACE%%:*}:.*[/=]$ALG(;|\$)"
done < <(echo "$ALGORITHMS")
expect_stdout_has "Total found: $(grep -c . <<<"$ALGORITHMS")\$"

title "an OCSP responder that listens"
ALG=p256
D=$T/$ALG
K=$PLACE$ALG$MORE
do_ca
READY='^ACCEPT' start ocsp openssl ocsp -port 0 -index ca/index.txt \
    -CA "$D/crt.pem" -rsigner "$D/crt.pem" -rkey "$K"
PORT=$(sed -n 's/^ACCEPT .*:\([0-9]*\) .*/\1/p' ocsp.log)
expect_ok "${PLAIN[@]}" ocsp -issuer "$D/crt.pem" -cert ca/leaf.pem \
    -CAfile "$D/crt.pem" -url "http://127.0.0.1:$PORT/"
expect_stdout_has 'leaf.pem: revoked'
expect_stderr_has 'Response verify OK'
