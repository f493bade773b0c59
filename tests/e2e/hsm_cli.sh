#!/bin/bash
# caadm with keys on a token: making, importing, adopting, showing, testing
# and deleting them; CAs on tokens and mixed hierarchies; the rules of PINs;
# backends; doctor. And after each command that failed the token holds what it
# held before.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

hsm_home "$T/pki"
CONF=$T/pki/caadm.conf
HSM=keystore://hsm
P11='pkcs11:token=main'
openssl_cnf "$T/openssl.cnf" default keystore

# keeps COMMAND...: fails, and leaves the token as it was.
keeps()
{
    local want=$1 before after

    shift
    before=$(objects main | sort)
    expect_exit "$want" "$@"
    expect_no_secret
    after=$(objects main | sort)
    expect_equal "objects after: $*" "$after" "$before"
}

# error WORD...: the last command's error has all of these.
error()
{
    local word

    expect_stderr_has '^caadm: error: '
    for word in "$@"; do
        expect_stderr_has "$word"
    done
}

json()
{
    local want=$1

    shift
    expect_ok "$@" --json
    expect_no_secret
    jq -e "$want" out >/dev/null || fail "JSON lacks: $want"
    pass
}

title "a token is initialised, once"
hsm_backend "$CONF" new fresh
printf '%s\n%s\n' "$SO_PIN" "$PIN" >both.txt
expect_exit 6 caadm backend check new
expect_stderr_has fresh
expect_ok bash -c 'caadm backend init new --so-pin stdin --user-pin stdin \
    <both.txt'
expect_no_secret
expect_exit 1 caadm backend init new --so-pin file:so_pin.txt
error fresh
json '.backends[0] | .status == "ok" and .facts.token == "fresh" and
    (.facts.serial | length) > 4 and .facts.module != null and
    (.facts.mechanisms | index("CKM_ECDSA")) != null and .messages == []' \
    caadm backend check new
expect_exit 2 caadm backend init default
expect_exit 3 caadm backend init nothing
cp "$CONF" without.conf
hsm_backend "$CONF" later later
expect_exit 4 caadm backend init later --so-pin file:none.txt
expect_exit 4 caadm backend init later
expect_exit 2 caadm backend init later --so-pin "$SO_PIN"
expect_no_secret
expect_fail grep -q later <(softhsm2-util --show-slots)
mv without.conf "$CONF" # doctor misses that token, rightly
expect_ok caadm backend check hsm
expect_stdout_has 'main'
expect_stdout_has "$(basename "$HSM_MODULE")"
expect_ok caadm backend list
expect_stdout_has 'pkcs11.*main in .*softhsm.*no$'
json '.backends[] | select(.name == "hsm") | .token == "main" and
    .user_pin != null and .so_pin == null and .path == null' \
    caadm backend list

title "keys of every type"
for type in rsa:2048 rsa-pss:2048 ec:P-256 ec:P-384 ec:P-521 ed25519 ed448; do
    name=k-${type/:/-}
    json ".key.type == \"$type\" and .key.uri == \"$HSM/$name\"" \
        caadm key create "$HSM/$name" --key-type "$type"
    expect_ok caadm key test "$HSM/$name"
    expect_ok caadm key test "$P11;object=$name"
    json '.key.token | .sensitive and .never_extractable and .local and
        (.extractable | not) and .usage == ["sign"]' \
        caadm key show "$HSM/$name"
done
expect_ok caadm key create "$HSM/id" --key-id 0A0b --usage sign,derive
json '.key.token | .id == "0a0b" and .label == "id" and
    .usage == ["sign", "derive"]' caadm key show "$HSM/id;id=0a0b"
expect_ok caadm key create "$HSM/" --key-label 'Two Words' --key-type rsa:2048 \
    --usage decrypt
json '.works' caadm key test "$HSM/Two%20Words"
expect_ok caadm key create "$HSM/agrees" --usage derive
expect_ok caadm key test "$HSM/agrees"
expect_ok caadm key create "$P11;object=by-uri"
expect_ok caadm key test "$HSM/by-uri"
expect_ok caadm key list hsm
expect_stdout_has "$HSM/k-ed25519"
expect_ok caadm key list "$P11"
expect_stdout_has 'object=Two%20Words'
expect_ok caadm key list 'pkcs11:'
expect_ok caadm key list "$P11;object=id"
expect_equal "rows" "$(wc -l <out)" 1

title "what cannot be made"
keeps 1 caadm key create "$HSM/id"
error 'taken|exists'
keeps 1 caadm key create "$HSM/other" --key-id 0a0b
error main
for args in "--key-id 0a0" "--key-id xy" "--key-id ''" "--key-label x" \
    "--usage frob" "--usage sign,,derive" "--key-type rsa:100" \
    "--user-pin $PIN" "--user-pin frob:x" "--passout file:pin.txt"; do
    # shellcheck disable=SC2086 # words
    eval "keeps 2 caadm key create $HSM/new $args"
done
keeps 2 caadm key create "$HSM/"
keeps 2 caadm key create "$P11"
keeps 2 caadm key create "$P11;object=x" --key-label x
keeps 2 caadm key create "$P11;object=x" --key-id 00
keeps 2 caadm key create "$P11;object=x?pin-value=$PIN"
keeps 2 caadm key create keystore://default/x --key-id 00
keeps 2 caadm key create keystore://default/x --usage sign
keeps 2 caadm key create keystore://default/x --user-pin file:pin.txt
error default file
keeps 2 caadm key create "$HSM/${PIN//?/nnnnnnnnnnnnnnnnnnnnnn}"

title "import"
for type in 'RSA -pkeyopt rsa_keygen_bits:2048' 'EC -pkeyopt group:P-384' \
    ED25519; do
    name=in-${type%% *}
    # shellcheck disable=SC2086 # words
    openssl genpkey -algorithm $type -out "$name.key" 2>/dev/null
    expect_ok caadm key import "$HSM/$name" --in "$name.key"
    expect_ok caadm key test "$HSM/$name"
    expect_ok caadm key show "$HSM/$name" --format pem --out "$name.pub" --force
    openssl pkey -in "$name.key" -pubout -out want.pub
    expect_same "$name.pub" want.pub
    json '.key.token | .sensitive and (.local | not) and (.extractable | not)' \
        caadm key show "$HSM/$name"
done
expect_ok caadm key import keystore://askhsm/in-again --in in-EC.key --key-id \
    77 --user-pin file:pin.txt
expect_ok caadm key test "$HSM/in-again;id=77"
expect_ok caadm key import "$HSM/opens" --in in-RSA.key --usage sign,decrypt
printf 'for opens only' >clear
expect_ok openssl pkeyutl -provider default -encrypt -inkey in-RSA.key \
    -in clear -out sealed
expect_ok openssl pkeyutl -decrypt -inkey "$HSM/opens" -in sealed -out opened
expect_same clear opened
expect_fail openssl pkeyutl -decrypt -inkey "$HSM/in-RSA" -in sealed
keeps 1 caadm key import "$HSM/in-EC" --in in-RSA.key
keeps 2 caadm key import "$HSM/no" --in in-EC.key --usage decrypt
keeps 2 caadm key import keystore://default/no --in in-EC.key --usage sign
keeps 2 caadm key import "$HSM/no" --in pin.txt
keeps 4 caadm key import keystore://askhsm/no --in in-EC.key
keeps 4 caadm key import keystore://askhsm/no --in in-EC.key --user-pin \
    file:wrong_pin.txt

title "what does not come out, and what does"
expect_exit 4 caadm key export "$HSM/k-rsa-2048" --out x.pem
error 'does not let' 'stays on its token'
expect_fail test -e x.pem
expect_exit 4 caadm key export "$P11;object=id" --out x.pem --plain
expect_exit 2 caadm key passwd "$HSM/id" --passout file:pin.txt
error 'change-pin' main
expect_ok caadm key uri "$HSM/id" --out id.pem
expect_ok openssl pkey -in id.pem -pubout -out got.pub
expect_ok caadm key show "$P11;object=id" --format pem --out want.pub --force
expect_same got.pub want.pub
expect_ok caadm key uri "keystore://askhsm/id?pin-source=file:pin.txt" \
    --out own.pem
expect_ok openssl dgst -sha256 -sign own.pem -out sig pin.txt
expect_exit 2 caadm key uri "keystore://askhsm/id?pin-value=$PIN" --out no.pem
error 'never kept'
for source in stdin fd:3 pass:x; do
    expect_exit 2 caadm key uri "$HSM/id?pin-source=$source" --out no.pem
done

title "sources of PINs"
ASK=keystore://askhsm/id
expect_exit 4 caadm key test $ASK
error PIN
for args in '--user-pin file:pin.txt' '--user-pin env:TESTPIN' \
    '--user-pin stdin <pin.txt' '--user-pin fd:8 8<pin.txt' \
    '--passin file:pin.txt' '--so-pin "" --user-pin file:pin.txt'; do
    TESTPIN=$PIN expect_ok bash -c "caadm key test $ASK $args"
    expect_no_secret
done
expect_ok caadm key test "$ASK?pin-source=file:pin.txt"
expect_ok caadm key test "$P11;object=id?pin-source=file:pin.txt"
expect_exit 4 caadm key test "$HSM/id" --user-pin ''
expect_exit 2 caadm key test "$ASK?pin-source=file:pin.txt" --user-pin \
    file:pin.txt
expect_exit 2 caadm key test $ASK --passin file:pin.txt --user-pin file:pin.txt
expect_exit 2 caadm key test $ASK --user-pin file:pin.txt --so-pin \
    file:so_pin.txt
error '--user-pin' '--so-pin'
expect_exit 2 caadm key test "$HSM/id" --so-pin file:so_pin.txt
error user_pin '--so-pin'
expect_exit 3 caadm key test "$HSM/id" --so-pin file:so_pin.txt --user-pin ''
error 'officer' 'user PIN'
keeps 4 caadm key create "$HSM/so" --so-pin file:so_pin.txt --user-pin ''
error CKR_USER_NOT_LOGGED_IN 'user PIN'
expect_exit 4 caadm key test $ASK --user-pin file:wrong_pin.txt
error CKR_PIN_INCORRECT main
expect_exit 2 caadm key test $ASK --user-pin "$PIN"
error 'not a source'
expect_no_secret
expect_ok caadm key show $ASK
expect_stderr_has 'PIN'
json '.key.token == {} and .key.type == "ec:P-256"' caadm key show $ASK
json '.key.token.sensitive' caadm key show $ASK --user-pin file:pin.txt
expect_exit 4 caadm key show $ASK --user-pin file:wrong_pin.txt
ASKED=$PIN expect_ok expect -c "
    set timeout 30
    spawn -noecho caadm key test $ASK
    expect -re {PIN of keystore://askhsm/id: $} { after 500; send -- \"\$env(ASKED)\\r\" }
    expect eof
    exit [lindex [wait] 3]"
expect_no_secret

title "keys that others made are adopted"
for object in 'rsa:2048 theirs-rsa 21' 'EC:secp384r1 theirs-ec 22' \
    'EC:edwards25519 theirs-ed 23'; do
    read -r type label id <<<"$object"
    expect_ok tool --token-label main --keypairgen --key-type "$type" \
        --label "$label" --id "$id" --usage-sign
    expect_ok caadm key test "$HSM/$label"
    expect_ok caadm ca create "$label" --key "$P11;object=$label;type=private" \
        --subject "CN=$label" --days 90 --out "$label.pem"
    expect_ok openssl verify -CAfile "$label.pem" "$label.pem"
done
# A private key alone: its public half is gone.
expect_ok tool --token-label main --keypairgen --key-type rsa:2048 \
    --label alone --id 24 --usage-sign
expect_ok tool --token-label main --delete-object --type pubkey --label alone
expect_ok caadm key test "$HSM/alone"
expect_ok caadm ca create alone --key "$HSM/alone" --subject CN=alone --days 90 \
    --out alone.pem
expect_ok caadm cert issue --ca alone --san a.example --new-key \
    keystore://default/a --out a.pem --days 9
expect_ok openssl verify -CAfile alone.pem a.pem
json '.key.ca == "theirs-ec"' caadm key show "$HSM/theirs-ec;id=22"
expect_exit 1 caadm key delete "$P11;id=%22" --yes
error theirs-ec
expect_exit 1 caadm ca create again --key "$HSM/theirs-ec" --subject CN=x \
    --days 9
error theirs-ec

title "mixed hierarchies: the digest is that of the key that signs"
# name parent backend type signature
while read -r name parent backend type signature; do
    args=(--backend "$backend" --key-type "$type" --subject "CN=$name")
    [ "$parent" = - ] || args+=(--parent "$parent")
    expect_ok caadm ca create "$name" "${args[@]}" --days 300 --clamp \
        --out "$name.pem"
    json ".ca.signature == \"$signature\" and .ca.key_type == \"$type\"" \
        caadm ca show "$name"
    root=${parent/#-/$name}
    root=$T/${root%%-*}.pem
    expect_ok openssl verify -x509_strict -CAfile "$root" -untrusted \
        "$name.pem" "$name.pem"
    expect_ok caadm cert issue --ca "$name" --san "$name.example" --backend \
        "$backend" --key-type ec:P-256 --days 90 --out "$name-leaf.pem"
    expect_ok openssl verify -x509_strict -purpose sslserver -verify_hostname \
        "$name.example" -CAfile "$root" -untrusted "$name-leaf.pem" \
        "$name-leaf.pem"
done <<'TREE'
fr - default rsa:2048 RSA-SHA256
fr-he fr hsm ec:P-384 RSA-SHA256
hr - hsm rsa:2048 RSA-SHA256
hr-he hr hsm ec:P-256 RSA-SHA256
he - hsm ec:P-384 ecdsa-with-SHA384
he-hd he hsm ed25519 ecdsa-with-SHA384
he-fr he default rsa:2048 ecdsa-with-SHA384
hd - hsm ed25519 ED25519
hd-hr hd hsm rsa:2048 ED25519
hp - hsm rsa-pss:2048 RSASSA-PSS
hp-fe hp default ec:P-521 RSASSA-PSS
TREE
expect_ok certtool --verify --load-ca-certificate hr.pem --infile hr-he-leaf.pem

title "a PIN of its own, kept by its source"
expect_ok caadm ca create own --new-key \
    'keystore://askhsm/own?pin-source=file:pin.txt' --subject CN=own --days 90
expect_ok caadm ca show own
expect_stdout_has "askhsm/own\?pin-source=file:$T/pin.txt"
expect_ok caadm cert issue --ca own --san own.example --new-key \
    keystore://default/own --days 9
expect_ok caadm ca create adopted --key \
    "pkcs11:token=main;object=k-ec-P-256?pin-source=file:$T/pin.txt" --subject \
    CN=adopted --days 90
expect_ok caadm cert issue --ca adopted --san b.example --new-key \
    keystore://default/b --days 9
keeps 2 caadm ca create no --key "$HSM/id?pin-value=$PIN" --subject CN=no \
    --days 9
error 'never kept'
keeps 2 caadm ca create no --new-key 'keystore://askhsm/no?pin-source=stdin' \
    --subject CN=no --days 9
expect_fail grep -aqF -e "$PIN" "$T/pki/caadm.db"
# Two PINs: the parent's and the new key's.
expect_ok caadm ca create asked --new-key keystore://askhsm/asked --subject \
    CN=asked --days 90 --user-pin file:pin.txt
keeps 4 caadm cert issue --ca asked --san c.example --new-key \
    keystore://askhsm/c --days 9
expect_ok caadm cert issue --ca asked --san c.example --backend askhsm \
    --passin file:pin.txt --user-pin file:pin.txt --days 9
expect_ok openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout leaf.key -subj /CN=leaf -out leaf.csr
expect_ok caadm cert issue --ca asked --san d.example --csr leaf.csr --days 9 \
    --user-pin file:pin.txt
expect_exit 2 caadm cert issue --ca asked --san d.example --csr leaf.csr \
    --days 9 --user-pin file:pin.txt --passin file:pin.txt

title "no orphans"
expect_ok caadm ca create leafy --parent hr --backend default --subject \
    CN=leafy --days 90 --path-length 0
for args in "--parent nobody" "--parent leafy" "--days 0" "--subject frob" \
    "--key-type rsa:512" "--key-type x25519" "--key-type x448" \
    "--ext basicConstraints=frob" "--out /nowhere/x.pem" "--key-id zz" \
    "--crl-url frob" "--permit-name frob:x" "--profile server" \
    "--user-pin file:wrong_pin.txt" "--user-pin ''" \
    "--so-pin file:so_pin.txt --user-pin ''" "--passout file:pin.txt" \
    "--from 2020-01-01"; do
    before=$(objects main | sort)
    eval "run caadm ca create o --backend hsm --subject CN=o $args"
    [ "$RC" -ne 0 ] && [ "$RC" -lt 124 ] || fail "exit $RC: ca create $args"
    expect_no_secret
    expect_equal "objects after ca create $args" "$(objects main | sort)" \
        "$before"
    expect_exit 3 caadm ca show o
done
# The signing key is gone, which shows after the new one was made.
expect_ok caadm ca create loses --backend hsm --subject CN=loses --days 90
expect_ok caadm key delete "$HSM/loses" --force
keeps 3 caadm ca create o --parent loses --backend hsm --subject CN=o --days 9
# The inventory cannot be written once the key is there.
expect_ok caadm ca create o --backend hsm --subject CN=o --days 9 --dry-run
keeps 1 caadm ca create root --backend hsm --key-label k-ec-P-384 --subject CN=r
# A signature that the token refuses, after everything else.
expect_ok caadm key create "$HSM/nosign" --key-type rsa:2048 --usage decrypt
expect_exit 4 caadm ca create o --key "$HSM/nosign" --subject CN=o --days 9
error nosign CKR_KEY_FUNCTION_NOT_PERMITTED main

title "interrupted in the middle"
before=$(objects main | sort)
for delay in 0.05 0.1 0.2 0.4; do
    setsid timeout -s INT "$delay" caadm ca create broken --backend hsm \
        --key-type rsa:4096 --subject CN=broken --days 9 >out 2>err </dev/null ||
        true
    if caadm ca show broken >/dev/null 2>&1; then
        break # it was quicker
    fi
    expect_equal "objects after ^C" "$(objects main | sort)" "$before"
done
if ! caadm ca show broken >/dev/null 2>&1; then
    for delay in 0.1 0.3 0.6; do
        (timeout -s KILL "$delay" caadm ca create killed --backend hsm \
            --key-type rsa:2048 --subject CN=killed --days 9 </dev/null ||
            true) >out 2>&1
        expect_ok caadm ca create after"${delay/./}" --backend default \
            --subject CN=after --days 9
        if caadm ca show killed >/dev/null 2>&1; then
            break
        fi
    done
fi
expect_ok caadm doctor

title "deletion"
expect_exit 4 caadm key delete keystore://askhsm/by-uri --yes
error '--user-pin'
expect_ok caadm key delete keystore://askhsm/by-uri --yes --user-pin \
    file:pin.txt
expect_ok caadm key delete "$P11;object=agrees" --yes
expect_exit 3 caadm key delete "$HSM/agrees" --yes
expect_exit 1 caadm key delete "$HSM/hr" --yes
expect_ok caadm key delete "$HSM/hr" --force
expect_exit 2 caadm key delete "$P11" --yes

title "doctor"
expect_ok caadm doctor
expect_stdout_has "module.*$(basename "$HSM_MODULE")"
cp "$CONF" kept.conf
chmod 644 pin.txt
expect_exit 6 caadm doctor
expect_stdout_has 'problem.*PIN.*pin.txt'
chmod 600 pin.txt
cp "$HSM_MODULE" mine.so
chmod 666 mine.so
printf '[backend mine]\ntype = pkcs11\nmodule = %s\ntoken = main\n' \
    "$T/mine.so" >>"$CONF"
expect_exit 6 caadm doctor
expect_stdout_has 'problem.*module.*mine.so'
cp kept.conf "$CONF"
printf '[backend gone]\ntype = pkcs11\nmodule = %s\ntoken = main\n' \
    "$T/gone.so" >>"$CONF"
expect_exit 6 caadm doctor
expect_stdout_has 'problem.*module.*gone.so'
expect_exit 6 caadm backend check gone
expect_stderr_has gone.so
expect_fail caadm key list
expect_stdout_has "$HSM/id"
cp kept.conf "$CONF"
printf '[backend plain]\ntype = pkcs11\nmodule = %s\ntoken = main\n%s\n' \
    "$HSM_MODULE" "user_pin = pass:$PIN" >>"$CONF"
expect_exit 6 caadm doctor
expect_stdout_has 'problem.*PIN.*plain'
expect_no_secret
expect_ok caadm backend list --json
expect_no_secret
cp kept.conf "$CONF"
