#!/bin/bash
# What openssl storeutl shows of a token: keys, public halves, certificates,
# listings, and searches by subject, issuer and serial, and alias; by
# keystore:// and by pkcs11: URIs, with the module from caadm.conf, from the
# provider's section of openssl.cnf, from the URI, and from p11-kit.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

hsm_home "$T/pki"
openssl_cnf "$T/openssl.cnf" default keystore
KEYSTORE_LINE="pkcs11-module-path = $HSM_MODULE" \
    openssl_cnf "$T/module.cnf" default keystore
openssl_cnf "$T/plain.cnf" default
PLAIN=(env "OPENSSL_CONF=$T/plain.cnf" openssl)

# Keys and certificates: a root, and two leaves that it issued.
for key in root www mail; do
    expect_ok openssl genpkey -propquery provider=keystore -algorithm EC \
        -pkeyopt group:P-256 -pkeyopt "keystore-uri:keystore://hsm/$key" \
        -out "$key.uri"
done
expect_ok openssl req -x509 -new -key root.uri -subj "/CN=root/O=Example" \
    -set_serial 0x1001 -out root.pem
for key in www:0x2002 mail:0x2003; do
    expect_ok openssl req -new -key "keystore://hsm/${key%:*}" -subj \
        "/CN=${key%:*}/O=Example" -out leaf.csr
    expect_ok openssl x509 -req -in leaf.csr -CA root.pem -CAkey root.uri \
        -set_serial "${key#*:}" -days 9 -out "${key%:*}.pem"
done
for key in root www mail; do
    # By the CKA_ID that the private key has.
    id=$(tool --token-label main --list-objects --type privkey 2>/dev/null |
        awk -v want="$key" '/label:/ { l = $2 } /ID:/ && l == want { print $2 }')
    [ -n "$id" ] || fail "OpenSC sees no key $key"
    expect_ok openssl x509 -in "$key.pem" -outform DER -out "$key.der"
    expect_ok tool --token-label main --write-object "$key.der" --type cert \
        --label "$key" --id "$id"
done

# found N ARGUMENT...: storeutl with ARGUMENTs finds N.
found()
{
    local n=$1

    shift
    expect_ok openssl storeutl -noout "$@"
    expect_stdout_has "^Total found: $n\$"
    expect_no_secret
}

# shows FILE: storeutl's last output has the certificate in FILE.
shows()
{
    "${PLAIN[@]}" x509 -in "$1" -outform PEM >want.pem
    sed -n '/BEGIN CERT/,/END CERT/p' out >got.pem
    expect_same got.pem want.pem
}

look()
{
    local all=$1 one=$2

    found 3 "$all"
    for key in root www mail; do
        expect_stdout_has "Name: .*[/=]$key(;|\$)"
    done
    # Every name that is listed can be opened in turn.
    sed -n 's/^[0-9]*: Name: //p' out >names
    while read -r name; do
        expect_ok openssl pkey -pubin -in "$name" -noout
        expect_ok openssl pkey -in "$name" -noout
    done <names
    found 2 "${one}www"
    expect_stdout_has 'Pkey'
    expect_stdout_has 'Certificate'
    expect_ok openssl storeutl -certs "${one}www"
    shows www.pem
    found 1 -keys "${one}www"
    expect_ok openssl x509 -in "${one}mail" -noout -subject
    expect_stdout_has 'CN = mail'
    expect_ok openssl pkey -pubin -in "${one}mail" -pubout -out got.pub
    expect_ok "${PLAIN[@]}" x509 -in mail.pem -noout -pubkey -out want.pub
    expect_same got.pub want.pub

    expect_ok openssl storeutl -certs -subject "/CN=www/O=Example" "$all"
    expect_stdout_has '^Total found: 1$'
    shows www.pem
    expect_ok openssl storeutl -certs -issuer "/CN=root/O=Example" -serial \
        0x2003 "$all"
    expect_stdout_has '^Total found: 1$'
    shows mail.pem
    expect_ok openssl storeutl -certs -alias root "$all"
    expect_stdout_has '^Total found: 1$'
    shows root.pem
    # What matches nothing is no error and no finding.
    for nothing in "-subject /CN=nobody" "-alias nobody" \
        "-issuer /CN=root/O=Example -serial 0x2004"; do
        # shellcheck disable=SC2086 # words
        run openssl storeutl -noout -certs $nothing "$all"
        [ "$RC" -lt 124 ] || fail "died of $nothing"
        expect_stdout_has '^Total found: 0$'
    done
}

title "keystore:// URIs"
look keystore://hsm/ keystore://hsm/
title "pkcs11: URIs, module and PIN from caadm.conf"
look pkcs11:token=main 'pkcs11:token=main;object='
title "... in other words"
look 'PKCS11:token=m%61in' 'pkcs11:object='

# pin COMMAND: with ?pin-source in the URI.
by_source()
{
    expect_ok openssl dgst -sha256 -sign "$1?pin-source=file:$T/pin.txt$2" \
        -out sig root.der
    expect_ok openssl dgst -sha256 -verify www.pub -signature sig root.der
}
title "with no configuration"
unset CAADM_HOME
"${PLAIN[@]}" x509 -in www.pem -noout -pubkey >www.pub
export OPENSSL_CONF=$T/module.cnf
found 3 pkcs11:token=main
by_source 'pkcs11:token=main;object=www' ''
OPENSSL_CONF=$T/openssl.cnf
by_source 'pkcs11:token=main;object=www' "&module-path=$HSM_MODULE"
found 3 "pkcs11:token=main?module-path=$HSM_MODULE"

title "modules of p11-kit"
# Debian's softhsm2 tells p11-kit of itself.
by_source 'pkcs11:token=main;object=www' ''
by_source 'pkcs11:token=main;object=www' '&module-name=softhsm2'
expect_fail openssl pkey -in "pkcs11:token=main;object=www?module-name=nosuch&\
pin-source=file:$T/pin.txt" -noout
expect_stderr_has 'keystore.*nosuch'

title "attributes of RFC 7512"
OPENSSL_CONF=$T/module.cnf
serial=$(softhsm2-util --show-slots | awk '/Serial number:/ { s = $3 }
    /Label:/ && $2 == "main" { print s }')
[ -n "$serial" ] || fail "no serial number of the token"
slot=$(softhsm2-util --show-slots | awk '/^Slot/ { s = $2 }
    /Label:/ && $2 == "main" { print s }')
for attribute in "token=main" "serial=$serial" "manufacturer=SoftHSM%20project" \
    "model=SoftHSM%20v2" "library-manufacturer=SoftHSM" \
    "library-description=Implementation%20of%20PKCS11" "library-version=2.6" \
    "slot-id=$slot" \
    "slot-description=SoftHSM%20slot%20ID%200x$(printf %x "$slot")" \
    "token=main;serial=$serial;model=SoftHSM%20v2"; do
    by_source "pkcs11:$attribute;object=www" ''
    by_source "pkcs11:$attribute;object=www;type=private" ''
done
# Each counts: with another value there is no such key.
for attribute in token=Main serial=0000000000000000 manufacturer=SoftHSM \
    model=SoftHSM library-manufacturer=OpenSC library-description=x \
    library-version=2.7 slot-id=4095 slot-description=x type=secret-key; do
    uri="pkcs11:token=main;$attribute;object=www"
    [ "$attribute" != token=Main ] || uri="pkcs11:$attribute;object=www"
    expect_fail openssl dgst -sha256 -sign "$uri?pin-source=file:$T/pin.txt" \
        -out sig root.der
    expect_stderr_has 'keystore'
done
id=$(tool --token-label main --list-objects --type privkey 2>/dev/null |
    awk '/label:/ { l = $2 } /ID:/ && l == "www" { print $2 }')
by_source "pkcs11:token=main;id=$(sed 's/../%&/g' <<<"$id")" ''
expect_fail openssl pkey -in "pkcs11:token=main;object=www;id=%00?pin-source=\
file:$T/pin.txt" -noout
expect_ok openssl x509 -in 'pkcs11:token=main;object=www;type=cert' -noout
expect_ok openssl pkey -pubin -in 'pkcs11:token=main;object=www;type=public' \
    -noout
