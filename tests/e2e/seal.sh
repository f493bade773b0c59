#!/bin/bash
# seal.sh KEY-TYPE USAGE: a CA whose key is in SQLite, sealed to a key of that
# type on a token and to an escrow key that is kept elsewhere. It issues, is
# started again, loses the token, is recovered by the escrow, and goes on with
# a new token. What stock openssl makes of the sealed key on the way.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

TYPE=$1
USAGE=$2
openssl_cnf "$T/openssl.cnf" default keystore
openssl_cnf "$T/plain.cnf" default
PLAIN=(env "OPENSSL_CONF=$T/plain.cnf" openssl)
ESCROW_PASSPHRASE="safe-in-the-safe-$$"
SECRETS+=("$ESCROW_PASSPHRASE")
export CAADM_HOME=$T/pki

# blob KEY: the sealed private half, DER, from the database, in KEY.cms.
blob()
{
    sqlite3 -readonly pki/keys.db \
        "SELECT hex(private) FROM key WHERE label = '$1'" |
        xxd -r -p >"$1.cms"
    [ -s "$1.cms" ] || fail "no sealed key $1 in the database"
}

# issue NAME: a certificate, which openssl verifies.
issue()
{
    expect_ok caadm cert issue --ca issuing --profile server \
        --san "$1.example.com" --new-key "keystore://db/$1" \
        --key-type ec:P-256 --out "$1.pem"
    expect_ok "${PLAIN[@]}" verify -x509_strict -purpose sslserver \
        -CAfile root.pem -untrusted "$1.pem" \
        -verify_hostname "$1.example.com" "$1.pem"
}

# make_token LABEL: a token with a key to seal to.
make_token()
{
    softhsm_token "$1"
    expect_ok caadm key create keystore://hsm/kek --key-type "$TYPE" \
        --usage "$USAGE"
}

title "set up: a token, and an escrow key made elsewhere"
expect_ok caadm init --passphrase "file:$T/pw.txt"
softhsm_home
hsm_backend pki/caadm.conf hsm first
make_token first
mkdir -m 700 safe
printf '%s\n' "$ESCROW_PASSPHRASE" >safe/pw.txt
expect_ok "${PLAIN[@]}" genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 \
    -aes-256-cbc -pass file:safe/pw.txt -out safe/escrow.key
expect_ok "${PLAIN[@]}" pkey -in safe/escrow.key -passin file:safe/pw.txt \
    -pubout -out pki/escrow.pem
cat >>pki/caadm.conf <<CONF

[backend db]
type = sqlite
path = keys.db
seal_to = keystore://hsm/kek, file:$T/pki/escrow.pem
CONF
expect_ok caadm ca create root --subject "CN=Root,O=Example" \
    --key-type ec:P-384 --days 3650
expect_ok caadm ca show root --format pem --out root.pem
expect_ok caadm ca create issuing --parent root --backend db \
    --subject "CN=Issuing,O=Example" --key-type ec:P-256 --days 1825
issue one
expect_ok caadm key show keystore://db/issuing
expect_stdout_has 'keystore://hsm/kek'
expect_stdout_has 'escrow.pem'
expect_stdout_has 'As configured[[:space:]]+yes'

title "started again: every command was a process; and now without caadm"
expect_ok openssl req -new -x509 -subj /CN=by-openssl -days 1 \
    -key keystore://db/one -out /dev/null
expect_ok openssl pkey -in keystore://db/issuing -out /dev/null
issue two

title "stock openssl opens what is sealed"
blob issuing
expect_ok "${PLAIN[@]}" cms -cmsout -print -inform DER -in issuing.cms
expect_stdout_has 'authEnvelopedData'
expect_stdout_has 'aes-256-gcm'
expect_ok openssl pkey -in keystore://db/issuing -pubout -out issuing.pub
expect_ok openssl cms -decrypt -binary -inform DER -in issuing.cms \
    -inkey keystore://hsm/kek -out by_token.der
expect_ok "${PLAIN[@]}" cms -decrypt -binary -inform DER -in issuing.cms \
    -inkey safe/escrow.key -passin file:safe/pw.txt -out by_escrow.der
expect_same by_token.der by_escrow.der
expect_ok "${PLAIN[@]}" pkey -inform DER -in by_token.der -pubout -out out.pub
expect_same out.pub issuing.pub
expect_fail "${PLAIN[@]}" pkey -inform DER -in issuing.cms -noout
rm by_token.der by_escrow.der

title "the token is lost"
rm -rf softhsm/tokens/*
expect_exit 4 caadm cert issue --ca issuing --profile server \
    --san three.example.com --new-key keystore://default/three --out three.pem
expect_stderr_has 'keystore://hsm/kek.*token "first"'
expect_stderr_has 'hint'
expect_no_secret
[ ! -e three.pem ] || fail "a certificate without a key"
expect_fail openssl pkey -in keystore://db/issuing -noout
expect_ok caadm ca list
expect_ok caadm cert list --ca issuing
expect_ok caadm key list keystore://db/
expect_ok caadm key show keystore://db/issuing
expect_stdout_has 'As configured[[:space:]]+no'
expect_fail caadm key create keystore://db/four
expect_stderr_has 'keystore://db/four: not sealed: .*keystore://hsm/kek'

title "the escrow key opens all, one command, and seals it to a new token"
expect_exit 4 caadm key reseal keystore://db/
sed -i 's/^token = first$/token = second/' pki/caadm.conf
make_token second
expect_fail caadm key reseal keystore://db/ \
    --unseal-with "file:$T/safe/escrow.key" --passin file:wrong.txt
expect_stderr_has 'escrow.key'
expect_no_secret
expect_ok caadm key reseal keystore://db/ \
    --unseal-with "file:$T/safe/escrow.key" --passin file:safe/pw.txt
expect_no_secret
expect_ok caadm key show keystore://db/issuing
expect_stdout_has 'As configured[[:space:]]+yes'
mv safe safe.away
issue five
expect_ok openssl pkey -in keystore://db/one -noout
mv safe.away safe

title "it opens with the new token, and with the escrow as before"
blob issuing
expect_ok openssl cms -decrypt -binary -inform DER -in issuing.cms \
    -inkey keystore://hsm/kek -out by_token.der
expect_ok "${PLAIN[@]}" pkey -inform DER -in by_token.der -pubout -out out.pub
expect_same out.pub issuing.pub
rm by_token.der
expect_ok "${PLAIN[@]}" cms -decrypt -binary -inform DER -in issuing.cms \
    -inkey safe/escrow.key -passin file:safe/pw.txt -out /dev/null

title "a second reseal finds nothing to do; another list of keys does"
expect_ok caadm key reseal keystore://db/
cp issuing.cms before.cms
blob issuing
expect_same issuing.cms before.cms
expect_ok caadm key reseal keystore://db/issuing --seal-to keystore://hsm/kek
blob issuing
expect_fail "${PLAIN[@]}" cms -decrypt -binary -inform DER -in issuing.cms \
    -inkey safe/escrow.key -passin file:safe/pw.txt -out /dev/null
issue six
expect_ok caadm doctor
