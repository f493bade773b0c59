#!/bin/bash
# Sealing in all its forms, for keys in files and in SQLite alike: what stock
# openssl makes is opened here, and the other way round; keys sealed to keys
# that are sealed; and what is refused, with what is said.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

openssl_cnf "$T/openssl.cnf" default keystore
openssl_cnf "$T/plain.cnf" default
PLAIN=(env "OPENSSL_CONF=$T/plain.cnf" openssl)
export CAADM_HOME=$T/pki
softhsm_home
softhsm_token main
expect_ok caadm init --passphrase "file:$T/pw.txt"
hsm_backend pki/caadm.conf hsm main
expect_ok caadm key create keystore://hsm/kek --key-type rsa:2048 \
    --usage decrypt
expect_ok caadm key create keystore://hsm/ec --key-type ec:P-256 --usage derive
expect_ok caadm key create keystore://hsm/signer --key-type rsa:2048

# backend NAME SETTING...
backend()
{
    printf '\n[backend %s]\n' "$1" >>pki/caadm.conf
    shift
    printf '%s\n' "$@" >>pki/caadm.conf
}

# public OUT URI: its public half.
public()
{
    expect_ok openssl pkey -in "$2" -pubout -out "$1"
}

title "a passphrase: openssl pkey opens files and rows"
backend lite 'type = sqlite' 'path = lite.db' "passphrase = file:$T/pw.txt"
for backend in default lite; do
    expect_ok caadm key create "keystore://$backend/pw" --key-type ec:P-256
    public want.pub "keystore://$backend/pw"
    if [ "$backend" = default ]; then
        expect_ok "${PLAIN[@]}" pkey -in pki/keys/pw.pem \
            -passin file:pw.txt -pubout -out got.pub
    else
        sqlite3 -readonly pki/lite.db \
            "SELECT hex(private) FROM key WHERE label = 'pw'" |
            xxd -r -p >row.der
        expect_ok "${PLAIN[@]}" pkey -inform DER -in row.der \
            -passin file:pw.txt -pubout -out got.pub
    fi
    expect_same want.pub got.pub
done

title "what openssl cms seals to a token's key is loaded"
backend files 'type = file' 'path = files' 'seal_to = keystore://hsm/kek'
for kek in kek ec; do
    expect_ok openssl req -new -x509 -key keystore://hsm/signer \
        -subj /CN=issuer -days 2 -out ca.pem
    expect_ok openssl pkey -in "keystore://hsm/$kek" -pubout -out $kek.pub
    "${PLAIN[@]}" req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
        -nodes -keyout any.key -subj /CN=kek -out any.csr 2>/dev/null
    expect_ok openssl x509 -req -in any.csr -force_pubkey $kek.pub \
        -CA ca.pem -CAkey keystore://hsm/signer -days 2 \
        -extfile <(echo subjectKeyIdentifier=hash) -out $kek.crt
    expect_ok "${PLAIN[@]}" genpkey -algorithm EC -pkeyopt group:P-256 \
        -outform DER -out plain.der
    expect_ok "${PLAIN[@]}" pkcs8 -topk8 -nocrypt -inform DER -in plain.der \
        -outform DER -out plain8.der
    options=()
    [ $kek = ec ] || options=(-keyopt rsa_padding_mode:oaep)
    expect_ok "${PLAIN[@]}" cms -encrypt -binary -aes-256-gcm -keyid \
        -in plain8.der -outform PEM -out "made_$kek.pem" -recip $kek.crt \
        "${options[@]}"
    [ -d pki/files ] || mkdir -m 700 pki/files
    {
        echo "Sealed-To: keystore://hsm/$kek"
        cat "made_$kek.pem"
        "${PLAIN[@]}" pkey -inform DER -in plain8.der -pubout
    } >"pki/files/made_$kek.pem"
    chmod 600 "pki/files/made_$kek.pem"
    public got.pub "keystore://files/made_$kek"
    expect_ok openssl pkey -in "keystore://files/made_$kek" -outform DER \
        -out got.der
    expect_ok "${PLAIN[@]}" pkey -inform DER -in plain8.der -pubout \
        -out want.pub
    expect_same got.pub want.pub
    rm plain.der plain8.der got.der
done
expect_ok "${PLAIN[@]}" cms -encrypt -binary -aes-256-gcm -keyid \
    -in want.pub -outform PEM -out pkcs1.pem -recip kek.crt
sed -n '/BEGIN PUBLIC/,$p' pki/files/made_kek.pem >half.pub
(umask 077 && cat pkcs1.pem half.pub >pki/files/pkcs1.pem)
expect_fail openssl pkey -in keystore://files/pkcs1 -noout
expect_stderr_has 'not under RSA-OAEP.*rsa_padding_mode:oaep'

title "what is in files is sealed as what is in rows"
expect_ok caadm key create keystore://files/one --key-type rsa:2048
expect_ok grep -q '^Sealed-To: keystore://hsm/kek$' pki/files/one.pem
public want.pub keystore://files/one
expect_ok openssl cms -decrypt -binary -inform PEM -in pki/files/one.pem \
    -inkey keystore://hsm/kek -out one.der
expect_ok "${PLAIN[@]}" pkey -inform DER -in one.der -pubout -out got.pub
expect_same got.pub want.pub
rm one.der

title "keys are sealed to keys that are sealed"
backend a 'type = file' 'path = a' 'seal_to = keystore://hsm/ec'
backend b 'type = sqlite' 'path = b.db' 'seal_to = keystore://a/kek'
backend c 'type = file' 'path = c' 'seal_to = keystore://b/kek'
for backend in a b c; do
    expect_ok caadm key create keystore://$backend/kek --key-type ec:P-256
done
expect_ok openssl pkey -in keystore://c/kek -noout

title "but not to each other"
backend x 'type = file' 'path = x' 'passphrase = file:pw'
cp "$T/pw.txt" pki/pw
expect_ok caadm key create keystore://x/other --key-type ec:P-256
expect_ok caadm key create keystore://x/kek --key-type ec:P-256
backend y 'type = file' 'path = y' 'seal_to = keystore://x/kek'
expect_ok caadm key create keystore://y/kek --key-type ec:P-256
expect_ok caadm key reseal keystore://x/other --seal-to keystore://y/kek
expect_fail caadm key reseal keystore://x/kek --seal-to keystore://y/kek
expect_stderr_has 'sealed to each other'
expect_fail caadm key reseal keystore://x/kek --seal-to keystore://hsm/kek \
    --seal-to keystore://y/kek
expect_stderr_has 'sealed to each other'
backend x2 'type = file' 'path = x' 'passphrase = file:pw' # another name of x
expect_fail caadm key reseal keystore://x2/kek --seal-to keystore://y/kek
expect_stderr_has 'sealed to each other'
expect_fail caadm key reseal keystore://x/kek --seal-to keystore://x2/kek
expect_stderr_has 'sealed to each other'
openssl genpkey -algorithm EC -pkeyopt group:P-256 -out "$T/lone.key"
chmod 600 "$T/lone.key"
expect_exit 2 caadm key reseal keystore://x/kek --seal-to "file:$T/lone.key"
expect_stderr_has 'unseal-with'
expect_ok caadm key test keystore://x/kek --passin file:pw.txt
expect_fail caadm key move keystore://x/kek keystore://y/moved --force
expect_fail caadm key move keystore://x2/kek keystore://y/moved --force
sed -i '/^path = x$/,/^$/s/^passphrase = .*/seal_to = keystore:\/\/y\/kek/' \
    pki/caadm.conf
expect_fail caadm key reseal keystore://x/ --passin file:pw.txt
expect_stderr_has 'sealed to each other|not opened'
for name in x/kek x/other y/kek; do
    expect_ok openssl pkey -in keystore://$name -noout -passin file:pw.txt
done

title "a PIN and a passphrase that are asked for reach the key that opens"
backend asking 'type = pkcs11' "module = $HSM_MODULE" 'token = main'
backend d 'type = file' 'path = d' 'seal_to = keystore://asking/kek'
expect_fail caadm key create keystore://d/none --key-type ec:P-256
expect_stderr_has 'keystore://d/none: not sealed'
expect_stderr_has 'hint'
sed -i '/^path = d$/,/^$/s/asking/hsm/' pki/caadm.conf
expect_ok caadm key create keystore://d/one --key-type ec:P-256
sed -i '/^path = d$/,/^$/s/hsm/asking/' pki/caadm.conf
sed -i 's/^Sealed-To: .*$//' pki/d/one.pem
expect_fail openssl pkey -in keystore://d/one -noout
expect_ok openssl pkey -in keystore://d/one -noout -passin file:pin.txt
expect_no_secret
expect_fail openssl pkey -in keystore://d/one -noout -passin file:wrong_pin.txt
expect_stderr_has 'PIN'
expect_no_secret

title "an escrow may be a certificate, and its key encrypted"
backend e 'type = file' 'path = e' \
    "seal_to = file://$T/pki/escrow.crt, keystore://hsm/ec"
"${PLAIN[@]}" req -x509 -newkey rsa:2048 -passout file:pw.txt -days 2 \
    -keyout escrow.key -subj /CN=escrow -out pki/escrow.crt 2>/dev/null
expect_ok caadm key create keystore://e/one --key-type ec:P-256
expect_ok caadm key reseal keystore://e/one --seal-to keystore://hsm/ec \
    --unseal-with "file:$T/escrow.key" --passin file:pw.txt
expect_no_secret
expect_equal "keys it is sealed to" "$(grep -c Sealed-To: pki/e/one.pem)" 1
expect_ok caadm key reseal keystore://e/one --unseal-with "file:$T/any.key"
expect_equal "keys it is sealed to" "$(grep -c Sealed-To: pki/e/one.pem)" 2

title "keys that cannot open what is sealed to them are refused"
backend bad 'type = file' 'path = bad' 'seal_to = keystore://hsm/signer'
expect_fail caadm key create keystore://bad/k --key-type ec:P-256
expect_stderr_has 'keystore://bad/k: not sealed: .*keystore://hsm/signer'
expect_equal "keys in bad" "$(find pki/bad -name '*.pem' 2>/dev/null |
    wc -l)" 0
expect_ok "${PLAIN[@]}" genpkey -algorithm ED25519 -out ed.key
expect_ok "${PLAIN[@]}" genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 \
    -out weak.key
"${PLAIN[@]}" pkey -in ed.key -pubout -out pki/ed.pub
"${PLAIN[@]}" pkey -in weak.key -pubout -out pki/weak.pub
"${PLAIN[@]}" pkey -in any.key -pubout -out pki/any.pub

# refused VALUE PATTERN [SETTING]: seal_to = VALUE makes no key.
refused()
{
    cp pki/caadm.conf conf.saved
    backend refused 'type = file' 'path = refused' "seal_to = $1" ${3+"$3"}
    expect_fail caadm key create keystore://refused/k --key-type ec:P-256
    expect_stderr_has "$2"
    expect_no_secret
    [ -z "$(find pki/refused -name '*.pem' 2>/dev/null)" ] || fail "a key"
    mv conf.saved pki/caadm.conf
}
refused "file:$T/pki/ed.pub" 'ed.pub: .*type ED25519'
refused "file:$T/pki/weak.pub" 'weak.pub: .*RSA, 1024 bits'
refused "file:$T/pki/any.pub" 'no key can open.*any.pub.*no private key'
expect_stderr_has 'hint: name a key beside it'
refused "file:$T/pki/none.pub" 'none.pub: No such file'
refused "file:$T/pki/caadm.conf" 'no public key, certificate'
refused "file:/dev/zero" 'not a regular file'
mkfifo pki/fifo
refused "file:$T/pki/fifo" 'not a regular file'
refused "file:$T/pki" 'not a regular file'
"${PLAIN[@]}" pkey -in any.key -aes-128-cbc -passout file:pw.txt -out pki/enc.key
refused "file:$T/pki/enc.key" 'no public key, certificate or unencrypted'
cp pki/any.pub pki/open.pub && chmod 666 pki/open.pub
refused "file:$T/pki/open.pub" 'open.pub: others may write it'
refused 'file:escrow.pem' 'not the absolute path'
refused 'keystore://hsm/none' 'keystore://hsm/none'
refused 'keystore://nowhere/kek' 'no backend "nowhere"'
refused 'keystore://hsm/' 'names a backend'
refused 'keystore://refused/k' 'in this backend itself'
refused 'keystore://hsm/kek, keystore://hsm/kek' 'named twice'
refused "keystore://hsm/kek?pin-value=$PIN" 'pin-source'
refused 'hsm/kek' 'not a URI'
refused 'gopher://hsm/kek' 'gopher'
refused 'keystore://hsm/kek' 'not together with passphrase' \
    'passphrase = file:pw'
refused 'keystore://hsm/kek' 'not together with sealing' 'sealing = none'
