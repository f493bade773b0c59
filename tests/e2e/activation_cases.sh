# The cases of activation.sh: c and n run one with the mode's providers, v and
# shape look at what it made. $IN holds inputs that are the same for all modes.

# key file name | genpkey's arguments
KEY_TYPES='
rsa|-algorithm RSA -pkeyopt rsa_keygen_bits:2048
rsapss|-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_pss_keygen_md:sha256 -pkeyopt rsa_pss_keygen_mgf1_md:sha256 -pkeyopt rsa_pss_keygen_saltlen:32
p256|-algorithm EC -pkeyopt group:P-256
p384|-algorithm EC -pkeyopt group:P-384
p521|-algorithm EC -pkeyopt group:P-521
k256|-algorithm EC -pkeyopt group:secp256k1
bp256|-algorithm EC -pkeyopt group:brainpoolP256r1
explicit|-algorithm EC -pkeyopt group:P-256 -pkeyopt ec_param_enc:explicit
sm2|-algorithm SM2
ed25519|-algorithm ED25519
ed448|-algorithm ED448
x25519|-algorithm X25519
x448|-algorithm X448
dh|-algorithm DH -pkeyopt group:ffdhe2048
dsa|-paramfile IN/dsaparam.pem
'

activation_inputs()
{
    local name arguments

    IN=$T/in
    mkdir "$IN"
    seq 1 200 >"$IN/message"
    openssl dgst -sha256 -binary "$IN/message" >"$IN/hash"
    printf 'garbage' >"$IN/garbage.pem"
    : >"$IN/empty.pem"
    openssl genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:2048 \
        -out "$IN/dsaparam.pem" 2>/dev/null
    openssl genpkey -genparam -algorithm EC -pkeyopt group:P-384 \
        -out "$IN/ecparam.pem"
    while IFS='|' read -r name arguments; do
        [ -n "$name" ] || continue
        # shellcheck disable=SC2086 # the arguments are words
        openssl genpkey ${arguments/IN/$IN} -out "$IN/$name.pem" 2>/dev/null
        openssl pkey -in "$IN/$name.pem" -pubout -out "$IN/$name.pub"
        # shellcheck disable=SC2086
        openssl genpkey ${arguments/IN/$IN} -out "$IN/$name.peer" 2>/dev/null
        openssl pkey -in "$IN/$name.peer" -pubout -out "$IN/$name.peer.pub"
    done < <(echo "$KEY_TYPES")
    for name in rsa rsapss p256 p384 ed25519 ed448; do
        openssl req -x509 -key "$IN/$name.pem" -subj "/CN=$name" -days 9 \
            -addext subjectAltName=DNS:localhost -out "$IN/$name.crt"
        openssl req -new -key "$IN/$name.pem" -subj "/CN=$name" \
            -out "$IN/$name.csr"
    done
    for name in rsa p256; do
        openssl req -x509 -key "$IN/$name.pem" -subj "/CN=ts $name" -days 9 \
            -extensions v3_ts -config "$HERE/data/ts.cnf" \
            -out "$IN/$name.ts.crt"
    done
    openssl pkcs8 -topk8 -in "$IN/rsa.pem" -v2 aes-256-cbc -passout pass:x \
        -out "$IN/rsa.p8"
    openssl pkcs8 -topk8 -in "$IN/p256.pem" -scrypt -passout pass:x \
        -out "$IN/p256.p8"
    openssl rsa -in "$IN/rsa.pem" -traditional -aes128 -passout pass:x \
        -out "$IN/rsa.trad" 2>/dev/null
    openssl ec -in "$IN/p256.pem" -aes128 -passout pass:x \
        -out "$IN/p256.trad" 2>/dev/null
    openssl pkcs12 -export -in "$IN/rsa.crt" -inkey "$IN/rsa.pem" \
        -passout pass:x -out "$IN/rsa.p12"
    openssl dgst -sha256 -sign "$IN/rsa.pem" -out "$IN/rsa.sig" "$IN/message"
    openssl dgst -sha256 -sign "$IN/p256.pem" -out "$IN/p256.sig" \
        "$IN/message"
    openssl cms -encrypt -binary -in "$IN/message" -outform PEM \
        -out "$IN/rsa.cms" "$IN/rsa.crt"
    openssl cms -encrypt -binary -in "$IN/message" -outform PEM \
        -out "$IN/p256.cms" "$IN/p256.crt"
    openssl ocsp -issuer "$IN/rsa.crt" -serial 5 -no_nonce \
        -reqout "$IN/ocsp.der" 2>/dev/null
    openssl ts -query -data "$IN/message" -no_nonce -out "$IN/ts.tsq" \
        2>/dev/null
}

activation_cases()
{
    cases_symmetric
    cases_lists
    cases_generate
    cases_convert
    cases_sign
    cases_encrypt
    cases_derive
    cases_certify
    cases_messages
    cases_refused
}

cases_symmetric()
{
    local md cipher

    for md in md5 sha1 sha256 sha512 sha3-256 shake256 blake2b512 sm3 \
        ripemd160 md4; do
        c "dgst-$md" dgst "-$md" "$IN/message"
    done
    c dgst-hmac dgst -sha256 -hmac key "$IN/message"
    for cipher in aes-128-cbc aes-256-ctr chacha20 camellia-256-cbc \
        des-ede3-cbc aria-128-cfb; do
        c "enc-$cipher" enc "-$cipher" -K 000102030405060708090a0b0c0d0e0f \
            -iv 00112233445566778899aabbccddeeff -in "$IN/message"
    done
    c enc-pbkdf2 enc -aes-256-cbc -pbkdf2 -S 0102030405060708 -pass pass:x \
        -in "$IN/message" -out enc.bin
    c enc-pbkdf2-d enc -d -aes-256-cbc -pbkdf2 -S 0102030405060708 \
        -pass pass:x -in enc.bin
    c enc-rc4 enc -rc4 -K 0102030405060708090a0b0c0d0e0f10 -in "$IN/message"
    c mac-hmac mac -digest SHA256 -macopt hexkey:00112233 -in "$IN/message" \
        HMAC
    c mac-cmac mac -cipher AES-128-CBC -macopt \
        hexkey:000102030405060708090a0b0c0d0e0f -in "$IN/message" CMAC
    c mac-kmac mac -macopt hexkey:00112233 -in "$IN/message" KMAC128
    c kdf-hkdf kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexkey:0011 \
        -kdfopt hexsalt:2233 HKDF
    c kdf-pbkdf2 kdf -keylen 32 -kdfopt pass:x -kdfopt salt:abcdefgh \
        -kdfopt iter:1000 PBKDF2
    c kdf-scrypt kdf -keylen 32 -kdfopt pass:x -kdfopt salt:abcdefgh \
        -kdfopt n:1024 -kdfopt r:8 -kdfopt p:1 SCRYPT
    c passwd-6 passwd -6 -salt abc word
    c prime prime 104729
    c rand rand -hex -out rand.hex 16
    wc -c <rand.hex >"$RESULTS/rand.seen"
}

cases_lists()
{
    local what

    for what in digest-algorithms digest-commands cipher-algorithms \
        cipher-commands mac-algorithms kdf-algorithms random-generators \
        random-instances; do
        c "list-$what" list "-$what"
    done
    c ciphers ciphers -v -tls1_3
    c ciphers-all ciphers -v ALL
    n ecparam-list ecparam -list_curves
    n version version
}

cases_generate()
{
    local name arguments

    while IFS='|' read -r name arguments; do
        [ -n "$name" ] || continue
        # shellcheck disable=SC2086 # the arguments are words
        c "genpkey-$name" genpkey ${arguments/IN/$IN} \
            -out "gen-$name.pem"
        # How many candidates a prime took is drawn on stderr.
        : >"$RESULTS/genpkey-$name.err"
        v "genpkey-$name" pkey -in "gen-$name.pem" -noout -check
        shape "genpkey-$name" "gen-$name.pem"
    done < <(echo "$KEY_TYPES")
    c genpkey-from-param genpkey -paramfile "$IN/ecparam.pem" -out k.pem
    v genpkey-from-param pkey -in k.pem -noout -check
    c genparam-ec genpkey -genparam -algorithm EC -pkeyopt group:P-521
    c genpkey-der genpkey -algorithm ED25519 -outform DER -out k.der
    v genpkey-der pkey -inform DER -in k.der -noout -check
    c genpkey-sealed genpkey -algorithm ED25519 -aes-256-cbc -pass pass:x \
        -out k.pem
    v genpkey-sealed pkey -in k.pem -passin pass:x -noout
    c genpkey-text genpkey -algorithm EC -pkeyopt group:P-256 -text -out k.pem
    v genpkey-text pkey -in k.pem -noout
    c genrsa genrsa -out k.pem 1024
    : >"$RESULTS/genrsa.err"
    v genrsa rsa -in k.pem -noout -check
    c gendsa gendsa -out k.pem "$IN/dsaparam.pem"
    v gendsa pkey -in k.pem -noout
    c ecparam-genkey ecparam -name P-256 -genkey -noout -out k.pem
    v ecparam-genkey pkey -in k.pem -noout -check
    c ecparam-text ecparam -name P-384 -text -noout
    c ecparam-explicit ecparam -name P-256 -param_enc explicit
    c ecparam-in ecparam -in "$IN/ecparam.pem" -text -check
    c dsaparam dsaparam -in "$IN/dsaparam.pem" -text -noout
    c pkeyparam pkeyparam -in "$IN/ecparam.pem" -text -check
    c genparam-dh genpkey -genparam -algorithm DH -pkeyopt group:ffdhe2048
}

cases_convert()
{
    local name _

    while IFS='|' read -r name _; do
        [ -n "$name" ] || continue
        c "pkey-$name" pkey -in "$IN/$name.pem"
        c "pkey-text-$name" pkey -in "$IN/$name.pem" -noout -text
        c "pkey-pub-$name" pkey -in "$IN/$name.pem" -pubout -outform DER
        c "pkey-pubin-$name" pkey -pubin -in "$IN/$name.pub" -text_pub
        c "pkey-check-$name" pkey -in "$IN/$name.pem" -noout -check
        c "pkey-pubcheck-$name" pkey -pubin -in "$IN/$name.pub" -noout \
            -pubcheck
        c "storeutl-$name" storeutl -keys "$IN/$name.pem"
        c "pkcs8-$name" pkcs8 -topk8 -nocrypt -in "$IN/$name.pem" -outform DER
        c "pkcs8-v2-$name" pkcs8 -topk8 -in "$IN/$name.pem" -v2 aes-256-cbc \
            -passout pass:x -out k.p8
        v "pkcs8-v2-$name" pkey -in k.p8 -passin pass:x -noout
    done < <(echo "$KEY_TYPES")
    c pkey-traditional pkey -in "$IN/rsa.pem" -traditional
    c pkey-sealed pkey -in "$IN/rsa.p8" -passin pass:x
    c pkey-scrypt pkey -in "$IN/p256.p8" -passin pass:x
    c pkey-trad-sealed pkey -in "$IN/rsa.trad" -passin pass:x
    c pkey-p12 pkey -in "$IN/rsa.p12" -passin pass:x
    c pkey-out-sealed pkey -in "$IN/p256.pem" -aes256 -passout pass:x -out k
    v pkey-out-sealed pkey -in k -passin pass:x
    c pkey-compressed pkey -in "$IN/p256.pem" -ec_conv_form compressed -pubout
    c pkey-explicit pkey -in "$IN/p256.pem" -ec_param_enc explicit -pubout
    c rsa rsa -in "$IN/rsa.pem" -text
    c rsa-pub rsa -in "$IN/rsa.pem" -pubout -RSAPublicKey_out
    c rsa-check rsa -in "$IN/rsa.pem" -noout -check -modulus
    c rsa-der rsa -in "$IN/rsa.pem" -outform DER
    c rsa-sealed rsa -in "$IN/rsa.trad" -passin pass:x -traditional
    c ec ec -in "$IN/p256.pem" -text
    c ec-conv ec -in "$IN/p384.pem" -conv_form compressed -pubout
    c ec-explicit ec -in "$IN/p384.pem" -param_enc explicit
    c ec-check ec -in "$IN/explicit.pem" -noout -check
    c dsa dsa -in "$IN/dsa.pem" -text
    c pkcs8-v1 pkcs8 -topk8 -in "$IN/p256.pem" -v1 PBE-SHA1-3DES \
        -passout pass:x -out k.p8
    v pkcs8-v1 pkey -in k.p8 -passin pass:x
    c pkcs8-scrypt pkcs8 -topk8 -in "$IN/p256.pem" -scrypt -passout pass:x \
        -out k.p8
    v pkcs8-scrypt pkey -in k.p8 -passin pass:x
    c pkcs8-in pkcs8 -in "$IN/p256.p8" -passin pass:x
    c pkcs12-in pkcs12 -in "$IN/rsa.p12" -passin pass:x -nodes
    c pkcs12-export pkcs12 -export -in "$IN/p256.crt" -inkey "$IN/p256.pem" \
        -passout pass:x -out k.p12
    v pkcs12-export pkcs12 -in k.p12 -passin pass:x -nodes
    n asn1parse asn1parse -in "$IN/rsa.pem"
}

cases_sign()
{
    local name md

    # These are the same every time (RFC 8017, 8.2; RFC 8032).
    for md in sha1 sha256 sha384 sha512 sha3-256; do
        c "sign-rsa-$md" dgst "-$md" -sign "$IN/rsa.pem" -hex "$IN/message"
    done
    c sign-rsa-hash pkeyutl -sign -inkey "$IN/rsa.pem" -in "$IN/hash" \
        -pkeyopt digest:sha256 -hexdump
    c sign-rsa-nodigest pkeyutl -sign -inkey "$IN/rsa.pem" -in "$IN/hash" \
        -hexdump
    for name in ed25519 ed448; do
        c "sign-$name" pkeyutl -sign -rawin -inkey "$IN/$name.pem" \
            -in "$IN/message" -hexdump
    done
    for name in p256 p384 p521 k256 bp256 explicit dsa rsapss; do
        c "sign-$name" dgst -sha256 -sign "$IN/$name.pem" -out s "$IN/message"
        v "sign-$name" dgst -sha256 -verify "$IN/$name.pub" -signature s \
            "$IN/message"
        c "verify-$name" dgst -sha256 -verify "$IN/$name.pub" -signature s \
            "$IN/message"
        c "prverify-$name" dgst -sha256 -prverify "$IN/$name.pem" \
            -signature s "$IN/message"
    done
    c sign-pss dgst -sha256 -sign "$IN/rsa.pem" -sigopt rsa_padding_mode:pss \
        -out s "$IN/message"
    v sign-pss dgst -sha256 -verify "$IN/rsa.pub" -sigopt \
        rsa_padding_mode:pss -signature s "$IN/message"
    c sign-sm2 pkeyutl -sign -rawin -digest sm3 -inkey "$IN/sm2.pem" \
        -in "$IN/message" -pkeyopt distid:1 -out s
    v sign-sm2 pkeyutl -verify -rawin -digest sm3 -pubin -inkey \
        "$IN/sm2.pub" -in "$IN/message" -pkeyopt distid:1 -sigfile s
    c verify-rsa dgst -sha256 -verify "$IN/rsa.pub" -signature "$IN/rsa.sig" \
        "$IN/message"
    c verify-rsa-bad dgst -sha256 -verify "$IN/rsa.pub" -signature \
        "$IN/rsa.sig" "$IN/hash"
    c verify-recover pkeyutl -verifyrecover -pubin -inkey "$IN/rsa.pub" \
        -in "$IN/rsa.sig" -hexdump
    c spkac spkac -key "$IN/rsa.pem" -challenge word
}

cases_encrypt()
{
    local options

    for options in pkcs1 oaep; do
        c "encrypt-$options" pkeyutl -encrypt -pubin -inkey "$IN/rsa.pub" \
            -pkeyopt "rsa_padding_mode:$options" -in "$IN/hash" -out e
        v "encrypt-$options" pkeyutl -decrypt -inkey "$IN/rsa.pem" \
            -pkeyopt "rsa_padding_mode:$options" -in e -hexdump
        c "decrypt-$options" pkeyutl -decrypt -inkey "$IN/rsa.pem" \
            -pkeyopt "rsa_padding_mode:$options" -in e -hexdump
    done
    c encrypt-sm2 pkeyutl -encrypt -pubin -inkey "$IN/sm2.pub" \
        -in "$IN/hash" -out e
    v encrypt-sm2 pkeyutl -decrypt -inkey "$IN/sm2.pem" -in e -hexdump
}

cases_derive()
{
    local name

    for name in p256 p384 p521 k256 bp256 x25519 x448 dh; do
        c "derive-$name" pkeyutl -derive -inkey "$IN/$name.pem" -peerkey \
            "$IN/$name.peer.pub" -hexdump
    done
    c derive-hkdf pkeyutl -kdf HKDF -kdflen 32 -pkeyopt md:SHA256 \
        -pkeyopt hexkey:0011 -pkeyopt hexsalt:22 -hexdump
}

# openssl ca with fixed dates and serials: the same every time for RSA and
# Ed25519.
cases_certify()
{
    local name

    for name in rsa ed25519 ed448; do
        c "req-$name" req -new -key "$IN/$name.pem" -subj "/CN=$name"
        ca_case "$name"
    done
    for name in p256 p384 rsapss; do
        c "req-$name" req -new -key "$IN/$name.pem" -subj "/CN=$name" -out r
        v "req-$name" req -in r -noout -verify -subject -pubkey
    done
    for name in rsa:2048 ec rsa-pss ed25519; do
        c "req-newkey-$name" req -x509 -newkey "$name" \
            -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=new \
            -keyout k.pem -out k.crt
        [ "${name#e}" != c ] || c req-newkey-ec req -x509 -newkey ec \
            -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=new \
            -keyout k.pem -out k.crt
        : >"$RESULTS/req-newkey-$name.err"
        [ ! -s k.crt ] || v "req-newkey-$name" verify -CAfile k.crt k.crt
        rm -f k.crt
    done
    for name in rsa rsapss p256 p384 ed25519 ed448; do
        c "req-verify-$name" req -in "$IN/$name.csr" -noout -verify -text
        c "x509-text-$name" x509 -in "$IN/$name.crt" -noout -text \
            -fingerprint -pubkey
        c "x509-sign-$name" x509 -req -in "$IN/p256.csr" -CA \
            "$IN/$name.crt" -CAkey "$IN/$name.pem" -set_serial 9 -days 3 \
            -out leaf.pem
        v "x509-sign-$name" verify -CAfile "$IN/$name.crt" leaf.pem
        c "verify-chain-$name" verify -CAfile "$IN/$name.crt" leaf.pem
        c "x509-signkey-$name" x509 -in "$IN/$name.crt" -signkey \
            "$IN/$name.pem" -days 3 -out self.pem
        v "x509-signkey-$name" verify -CAfile self.pem self.pem
    done
    c x509-wrong-key x509 -req -in "$IN/p256.csr" -CA "$IN/rsa.crt" -CAkey \
        "$IN/p256.pem" -set_serial 9
    c verify-bad verify -CAfile "$IN/p384.crt" "$IN/rsa.crt"
    c storeutl-certs storeutl -certs "$IN/rsa.crt"
    c crl2pkcs7 crl2pkcs7 -nocrl -certfile "$IN/rsa.crt" -out k.p7
    c pkcs7 pkcs7 -in k.p7 -print_certs
}

ca_case()
{
    rm -rf ca
    mkdir ca
    : >ca/index.txt
    echo 1000 >ca/serial
    c "ca-$1" ca -batch -notext -config "$HERE/data/ca_fixed.cnf" -cert \
        "$IN/$1.crt" -keyfile "$IN/$1.pem" -in "$IN/p256.csr" \
        -startdate 20260101000000Z -enddate 20560101000000Z
    c "ca-revoke-$1" ca -config "$HERE/data/ca_fixed.cnf" -cert \
        "$IN/$1.crt" -keyfile "$IN/$1.pem" -revoke ca/1000.pem
    c "ca-crl-$1" ca -gencrl -config "$HERE/data/ca_fixed.cnf" -cert \
        "$IN/$1.crt" -keyfile "$IN/$1.pem" -out ca/crl.pem
    c "crl-$1" crl -in ca/crl.pem -CAfile "$IN/$1.crt" -noout -issuer
    v "crl-$1" crl -in ca/crl.pem -CAfile "$IN/$1.crt" -noout -issuer
    c "verify-crl-$1" verify -crl_check -CAfile "$IN/$1.crt" -CRLfile \
        ca/crl.pem ca/1000.pem
}

cases_messages()
{
    local name

    for name in rsa p256; do
        c "cms-sign-$name" cms -sign -binary -nodetach -in "$IN/message" \
            -signer "$IN/$name.crt" -inkey "$IN/$name.pem" -outform PEM -out m
        v "cms-sign-$name" cms -verify -binary -inform PEM -in m -CAfile \
            "$IN/$name.crt" -purpose any
        c "cms-verify-$name" cms -verify -binary -inform PEM -in m -CAfile \
            "$IN/$name.crt" -purpose any
        c "cms-encrypt-$name" cms -encrypt -aes256 -binary -in \
            "$IN/message" -outform PEM -out m "$IN/$name.crt"
        v "cms-encrypt-$name" cms -decrypt -inform PEM -in m -inkey \
            "$IN/$name.pem" -recip "$IN/$name.crt"
        c "cms-decrypt-$name" cms -decrypt -inform PEM -in "$IN/$name.cms" \
            -inkey "$IN/$name.pem" -recip "$IN/$name.crt"
        c "ts-reply-$name" ts -reply -queryfile "$IN/ts.tsq" -config \
            "$HERE/data/ts.cnf" -signer "$IN/$name.ts.crt" -inkey \
            "$IN/$name.pem" -out m.tsr
        v "ts-reply-$name" ts -verify -in m.tsr -queryfile "$IN/ts.tsq" \
            -CAfile "$IN/$name.ts.crt"
    done
    c cms-pss cms -sign -binary -nodetach -in "$IN/message" -signer \
        "$IN/rsapss.crt" -inkey "$IN/rsapss.pem" -keyopt \
        rsa_padding_mode:pss -outform PEM -out m
    v cms-pss cms -verify -binary -inform PEM -in m -CAfile \
        "$IN/rsapss.crt" -purpose any
    c cms-password cms -encrypt -aes256 -binary -pwri_password x -in \
        "$IN/message" -outform PEM -out m
    v cms-password cms -decrypt -inform PEM -pwri_password x -in m
    c cms-digest cms -digest_create -binary -in "$IN/message" -outform PEM
    c smime-sign smime -sign -in "$IN/message" -signer "$IN/rsa.crt" -inkey \
        "$IN/rsa.pem" -out m
    v smime-sign smime -verify -in m -CAfile "$IN/rsa.crt" -purpose any
    : >index.txt
    for name in rsa p256 ed25519; do
        c "ocsp-$name" ocsp -index index.txt -CA "$IN/rsa.crt" -rsigner \
            "$IN/$name.crt" -rkey "$IN/$name.pem" -ndays 1 -reqin \
            "$IN/ocsp.der" -respout resp.der
    done
}

cases_refused()
{
    c no-file pkey -in "$IN/nothing.pem"
    c garbage pkey -in "$IN/garbage.pem"
    c empty pkey -in "$IN/empty.pem"
    c wrong-pass pkey -in "$IN/rsa.p8" -passin pass:y
    c no-pass pkcs12 -in "$IN/rsa.p12" -passin pass:y -nodes
    c not-a-cert x509 -in "$IN/rsa.pem"
    c pub-as-private pkey -in "$IN/rsa.pub"
    c unknown-algorithm genpkey -algorithm FROB
    c unknown-curve genpkey -algorithm EC -pkeyopt group:P-255
    c unknown-option genpkey -algorithm RSA -pkeyopt frob:1
    c bits-too-few genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:8
    c sign-with-x25519 pkeyutl -sign -rawin -inkey "$IN/x25519.pem" -in \
        "$IN/message"
    c derive-mismatch pkeyutl -derive -inkey "$IN/p256.pem" -peerkey \
        "$IN/p384.pub"
    c unknown-scheme pkey -in frob://some/thing
}

# Each certificate with each version and each group, both sides in the mode;
# s_client -brief says what was agreed.
tls_matrix()
{
    local name version group rc

    for name in rsa p256 ed25519; do
        tls_server "tls-$name" ${ON_COMMAND[@]+"${ON_COMMAND[@]}"} \
            -cert "$IN/$name.crt" -key "$IN/$name.pem" -rev
        for version in 1_2 1_3; do
            for group in P-256 P-384 P-521 X25519 X448; do
                rc=0
                timeout 20 openssl s_client \
                    ${ON_COMMAND[@]+"${ON_COMMAND[@]}"} -connect \
                    "127.0.0.1:$PORT" -CAfile "$IN/$name.crt" \
                    -verify_return_error -tls$version -groups $group -brief \
                    >"$RESULTS/tls-$name-$version-$group.out" \
                    2>"$RESULTS/tls-$name-$version-$group.err" \
                    </dev/null || rc=$?
                record "tls-$name-$version-$group" "$rc"
            done
        done
        stop "$PID"
    done
}
