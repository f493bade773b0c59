#!/bin/bash
# Keys from every kind of backend to every other one: the same key in one
# place, with its certificates and with the CAs and certificates that use it,
# or a clear refusal and nothing changed.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

BUILD=$(dirname "$MODULES")
hsm_home "$T/pki"
openssl_cnf "$T/openssl.cnf" default
softhsm_token other
hsm_backend pki/caadm.conf other other

title "backends of every kind, one of them a plug-in"
unset DESTDIR MAKEFLAGS MAKELEVEL
expect_ok cmake --install "$BUILD" --component dev --prefix "$T/prefix"
PKG_CONFIG_PATH=$(dirname "$(find "$T/prefix" -name keystore-backend.pc)")
export PKG_CONFIG_PATH
cp -r "$(find "$T/prefix" -type d -name example-backend)" src
LIMIT=300 expect_ok make -C src
expect_ok make -C src install
PLUGINS=$(realpath "$(pkg-config --variable=backenddir keystore-backend)")
cp pw.txt other.txt
printf 'another-%s\n' "$PASSPHRASE" >other.txt
SECRETS+=("another-$PASSPHRASE")
cat >>pki/caadm.conf <<CONF

[backend db]
type = sqlite
path = keys.db
passphrase = file:$T/other.txt
$CHEAP_KDF

[backend drawn]
type = sqlite
path = drawn.db
passphrase = random

[backend sealed]
type = file
path = sealed
seal_to = keystore://default/kek

[backend records]
type = $PLUGINS/material.so
path = records
passphrase = file:pw
$CHEAP_KDF
CONF
expect_ok caadm ca create root --subject CN=root
expect_ok caadm key create keystore://default/kek --key-type rsa:2048

sql()
{
    sqlite3 -readonly pki/caadm.db "$1"
}

# where KEY: the backends that have a key of this name, one a line.
where()
{
    caadm key list 2>/dev/null | cut -f1 |
        sed -n "s|^keystore://\([^/]*\)/$1\$|\1|p" | grep -v '^ask' || true
}

# is_at KEY BACKEND: there alone, the same key, and it works.
is_at()
{
    expect_equal "places of $1" "$(where "$1")" "$2"
    expect_ok caadm key show "keystore://$2/$1" --format pem --out now.pub \
        --force
    expect_same "$1.pub" now.pub
    expect_ok caadm key test "keystore://$2/$1"
    expect_equal "plans" "$(sql 'select count(*) from intent')" 0
}

# refused CODE KEY BACKEND COMMAND...: and the key is where it was.
refused()
{
    local code=$1 key=$2 backend=$3

    shift 3
    expect_exit "$code" "$@"
    expect_no_secret
    cp err why
    is_at "$key" "$backend"
    cp why err
}

# goes_out KEY BACKEND: to a file that openssl reads, and in again by another
# name.
goes_out()
{
    local uri=keystore://$2/$1

    expect_ok caadm key export "$uri" --out file.key --passout file:pw.txt \
        --force
    expect_ok openssl pkey -in file.key -passin file:pw.txt -pubout -out now.pub
    expect_same "$1.pub" now.pub
    expect_ok caadm key import "$uri-2" --in file.key --passin file:pw.txt
    expect_ok caadm key show "$uri-2" --format pem --out now.pub --force
    expect_same "$1.pub" now.pub
    expect_ok caadm key test "$uri-2"
    expect_ok caadm key delete "$uri-2" --yes
}

# name | key type
kinds()
{
    printf '%s\n' 'rsa rsa:2048' 'ec ec:P-256' 'ed ed25519'
}

title "every pair, out to a file from each, and into a token at last"
PLACES='default db sealed records drawn'
while read -r name type; do
    expect_ok caadm key create "keystore://default/$name" --key-type "$type"
    expect_ok caadm key show "keystore://default/$name" --format pem \
        --out "$name.pub"
    goes_out "$name" default
    at=default
    for from in $PLACES; do
        for to in $PLACES; do
            [ "$from" != "$to" ] || continue
            # on the way to FROM, which may be a pair by itself
            [ "$at" = "$from" ] || expect_ok caadm key move \
                "keystore://$at/$name" "keystore://$from/$name"
            [ "$to" != default ] || goes_out "$name" "$from"
            expect_ok caadm key move "keystore://$from/$name" \
                "keystore://$to/$name"
            expect_no_secret
            is_at "$name" "$to"
            at=$to
        done
    done
    expect_ok caadm key move "keystore://$at/$name" "keystore://hsm/$name"
    is_at "$name" hsm
    # what a token has got it keeps
    for to in $PLACES other; do
        refused 4 "$name" hsm caadm key move "keystore://hsm/$name" \
            "keystore://$to/$name"
        expect_stderr_has 'does not let this private key out'
    done
    refused 4 "$name" hsm caadm key export "keystore://hsm/$name" \
        --plain --out out.key
    expect_fail test -e out.key
done < <(kinds)

title "out of a token that lets go"
# OpenSC makes extractable keys, but sensitive ones: the last bit of that is
# taken from SoftHSM's own files, where CKA_SENSITIVE is 0x103.
open_keys()
{
    find "$T/softhsm/tokens" -name '*.object' -exec perl -0777 -pi -e \
        's/(\0\0\0\0\0\0\x01\x03\0\0\0\0\0\0\0\x01)[\x01\xff]/$1\0/s' {} +
}
i=10
while read -r name type curve; do
    i=$((i + 1))
    expect_ok tool --token-label main --keypairgen --key-type "$curve" \
        --label "$name" --id "$i" --extractable --usage-sign
    expect_ok caadm key show "keystore://hsm/$name" --format pem \
        --out "$name.pub"
    refused 4 "$name" hsm caadm key move "keystore://hsm/$name" \
        "keystore://db/$name"
    expect_stderr_has 'CKA_SENSITIVE'
done < <(printf '%s\n' 'free-rsa rsa:2048 RSA:2048' \
    'free-ec ec:P-384 EC:secp384r1' 'free-ed ed25519 EC:edwards25519')
open_keys
for name in free-rsa free-ec free-ed; do
    expect_ok caadm key export "keystore://hsm/$name" --out "$name.key" \
        --passout file:pw.txt
    expect_ok openssl pkey -provider default -in "$name.key" \
        -passin file:pw.txt -pubout -out now.pub
    expect_same "$name.pub" now.pub
    expect_ok caadm key move "keystore://hsm/$name" "keystore://db/$name"
    is_at "$name" db
    expect_ok caadm key move "keystore://db/$name" "keystore://other/$name"
    is_at "$name" other
done
expect_equal "what is left on the token" \
    "$(objects main privkey | wc -l)" 3

title "a CA whose key goes round while it issues"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout leaf.key -subj /CN=leaf -out leaf.csr 2>/dev/null
expect_ok caadm ca create sub --parent root --subject CN=sub \
    --new-key keystore://default/sub
expect_ok caadm key show keystore://default/sub --format pem --out sub.pub
issue_on()
{
    local n=0

    while [ ! -e stop ]; do
        n=$((n + 1))
        caadm -q cert issue --ca sub --csr leaf.csr --san "n$n.example" \
            --out "issued-$1-$n.pem" >>"issue-$1.log" 2>&1 || echo "FAILED $n"
    done
    echo "issued $n"
}
issue_on 1 >issue-1.out &
ONE=$!
issue_on 2 >issue-2.out &
TWO=$!
at=default
for _ in 1 2 3; do
    for to in db sealed records drawn default; do
        [ "$at" != "$to" ] || continue
        expect_ok caadm key move "keystore://$at/sub" "keystore://$to/sub"
        at=$to
    done
done
expect_ok caadm key move keystore://default/sub keystore://hsm/sub
touch stop
wait "$ONE" "$TWO"
grep -h FAILED issue-[12].out && fail "issuing: $(tail -3 issue-[12].log)"
echo "meanwhile: $(tr '\n' ' ' <issue-1.out)and $(cat issue-2.out)"
is_at sub hsm
expect_ok caadm cert issue --ca sub --csr leaf.csr --san last.example \
    --out last.pem
expect_ok caadm ca show sub --json
expect_equal "the CA's key" "$(jq -r .ca.key_uri out)" \
    keystore://hsm/sub
expect_equal "moves of it" "$(sql "select count(*) from audit
    where act = 'key.move' and object like 'keystore://%/sub to %/sub'")" 16

title "by another of its names"
expect_ok tool --token-label main --keypairgen --key-type EC:prime256v1 \
    --label alias --id 77 --extractable --usage-sign
open_keys
ALIAS='pkcs11:token=main;object=alias'
expect_ok caadm ca create alias --subject CN=alias --key "$ALIAS"
expect_ok caadm key show keystore://hsm/alias --format pem --out alias.pub
refused 1 alias hsm caadm key move "$ALIAS" keystore://hsm/alias
refused 2 alias hsm caadm key move "$ALIAS" "$ALIAS"
expect_ok caadm key move keystore://hsm/alias keystore://db/alias
expect_ok caadm cert issue --ca alias --csr leaf.csr --san x.example \
    --out alias-leaf.pem
is_at alias db

title "certificates go along"
expect_ok caadm cert issue --ca root --san www.example \
    --new-key keystore://db/www --out www.pem
expect_ok caadm key show keystore://db/www --format pem --out www.pub
expect_exit 3 caadm key cert keystore://db/www
expect_exit 2 caadm key cert keystore://db/www --in last.pem
expect_stderr_has 'not that of the key'
expect_exit 2 caadm key cert keystore://db/www --in www.pub
expect_exit 3 caadm key cert keystore://db/www --in nothing.pem
expect_exit 2 caadm key cert keystore://db/www --in www.pem --remove
expect_ok caadm ca show root --format pem --out root.pem
cat www.pem root.pem >chain.pem
cat root.pem www.pem >wrong.pem
expect_exit 2 caadm key cert keystore://db/www --in wrong.pem
expect_ok caadm key cert keystore://db/www --in chain.pem
for to in default sealed records drawn db; do
    from=$(where www)
    [ "$from" != "$to" ] || continue
    expect_ok caadm key move "keystore://$from/www" "keystore://$to/www"
    expect_ok caadm key cert "keystore://$to/www" --out now.pem --force
    expect_same chain.pem now.pem
    is_at www "$to"
done
expect_ok caadm key show keystore://db/www --json
expect_equal "certificates shown" \
    "$(jq -r '[.key.certificates[].subject] | join(" ")' out)" \
    'CN=www.example CN=root'
expect_equal "origin" "$(jq -r .key.sealing.origin out)" imported
refused 4 www db caadm key move keystore://db/www keystore://hsm/www
expect_stderr_has 'certificates'
refused 2 www db caadm key cert keystore://hsm/sub --in last.pem
expect_ok caadm key cert keystore://db/www --remove
expect_ok caadm key move keystore://db/www keystore://hsm/ --key-label www \
    --key-id 0a0b
is_at 'www' hsm
expect_ok caadm key import keystore://db/in --in leaf.key
openssl req -x509 -key leaf.key -subj /CN=leaf -out leaf.pem 2>/dev/null
expect_exit 2 caadm key import keystore://db/in2 --in leaf.key --cert www.pem
expect_exit 3 caadm key test keystore://db/in2
expect_ok caadm key import keystore://db/in2 --in leaf.key --cert leaf.pem
expect_ok caadm key cert keystore://db/in2 --out now.pem --force
expect_same leaf.pem now.pem
expect_exit 4 caadm key import keystore://other/in --in leaf.key \
    --cert leaf.pem
expect_equal "imported without" "$(where in)" db

title "what cannot be"
expect_ok caadm key create keystore://default/a
expect_ok caadm key create keystore://db/b
expect_ok caadm key show keystore://default/a --format pem --out a.pub
expect_ok caadm key show keystore://db/b --format pem --out b.pub
refused 1 a default caadm key move keystore://default/a keystore://db/b
expect_stderr_has 'taken'
is_at b db
refused 1 a default caadm key move keystore://default/a keystore://hsm/sub
refused 2 a default caadm key move keystore://default/a keystore://default/a
refused 2 a default caadm key move keystore:///a keystore://default/a
refused 3 a default caadm key move keystore://db/nothing keystore://db/a
refused 3 a default caadm key move keystore://default/a keystore://nowhere/a
refused 2 a default caadm key move keystore://default/a file:a.key
refused 2 a default caadm key move keystore://default/a ./a.key
refused 2 a default caadm key move keystore://default/a keystore://db/
refused 2 a default caadm key move keystore://default/ keystore://db/a
refused 2 a default caadm key move keystore://default/a
refused 2 a default caadm key move keystore://default/a keystore://db/a \
    --usage sign
refused 2 a default caadm key move keystore://default/a keystore://hsm/a \
    --passout file:pw.txt
refused 4 a default caadm key move keystore://default/a keystore://db/a \
    --passin file:wrong.txt
refused 4 a default caadm key move keystore://default/a keystore://db/a \
    --passout file:/nothing
refused 4 a default caadm key move keystore://default/a keystore://askhsm/a
refused 4 a default caadm key move keystore://default/a keystore://askhsm/a \
    --user-pin file:wrong_pin.txt
expect_ok caadm key create keystore://inside/kept
expect_ok caadm key show keystore://inside/kept --format pem --out kept.pub
refused 4 kept inside caadm key move keystore://inside/kept keystore://db/kept
expect_stderr_has 'extractable'

title "secrets from elsewhere"
expect_ok caadm key move keystore://default/a keystore://ask/a2 \
    --passout file:other.txt
expect_exit 4 caadm key test keystore://ask/a2
expect_ok caadm key test keystore://ask/a2 --passin file:other.txt
cat other.txt >pipe.txt
expect_ok caadm key move keystore://ask/a2 keystore://db/a2 \
    --passin file:pipe.txt
expect_ok sh -c 'caadm key move keystore://db/a2 keystore://default/a2 \
    --passout fd:3 3<other.txt'
expect_exit 4 caadm key test keystore://default/a2
expect_ok caadm key test keystore://default/a2 --passin file:other.txt
expect_ok caadm key move keystore://default/a2 keystore://db/a \
    --passin file:other.txt --passout random
is_at a db
expect_ok caadm key show keystore://db/a
expect_stdout_has 'scrypt:2:'
expect_ok caadm key move keystore://db/a keystore://askhsm/a \
    --user-pin file:pin.txt
expect_ok caadm key test keystore://hsm/a

title "keys that others are sealed to"
expect_ok caadm key show keystore://default/kek --format pem --out kek.pub
refused 1 kek default caadm key delete keystore://default/kek --yes
expect_stderr_has 'seal_to'
refused 1 kek default caadm key move keystore://default/kek keystore://db/kek
expect_ok caadm key create keystore://sealed/held
for force in '' --force; do # it would be in a box that only it opens
    refused 1 kek default caadm key move keystore://default/kek \
        keystore://sealed/kek $force
    expect_stderr_has 'sealed to itself'
done
expect_ok caadm key move keystore://default/kek keystore://db/kek --force
expect_fail caadm key test keystore://sealed/held
sed -i 's|^seal_to = .*|seal_to = keystore://db/kek|' pki/caadm.conf
expect_ok caadm key test keystore://sealed/held
refused 1 kek db caadm key delete keystore://db/kek --yes

title "nothing is left, and every act is in the log"
expect_equal "plans" "$(sql 'select count(*) from intent')" 0
expect_equal "drawn secrets of keys that are gone" "$(sql "select count(*)
    from secret where key_uri not like 'keystore://%/%'")" 0
expect_equal "gaps in the log" "$(sql 'select count(*) <> max(seq)
    from audit')" 0
! grep -rqaF -e "$PASSPHRASE" pki/caadm.db || fail "a passphrase is kept"
