#!/bin/bash
# What can be wrong with a token, a PIN, a key or a module: through caadm and
# through openssl, each with the token, the object, PKCS#11's name for it and
# what to do; never a second try with a PIN that was refused (counted by a
# module between us and the token), no PIN shown, no key left behind by a CA
# that could not be made.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

LIMIT=30
CONF=$T/pki/caadm.conf
hsm_home "$T/pki"
softhsm_token spare twin twin
slot=$(softhsm2-util --show-slots |
    awk '/^Slot/ { s = $2 } /Initialized: *no/ { print s; exit }')
expect_ok tool --init-token --slot "$slot" --label nopin --so-pin "$SO_PIN"

# backend NAME TOKEN MODULE [SETTING...]: any module.
backend()
{
    local name=$1 token=$2 module=$3

    shift 3
    {
        printf '\n[backend %s]\ntype = pkcs11\nmodule = %s\ntoken = %s\n' \
            "$name" "$module" "$token"
        printf '%s\n' "$@"
    } >>"$CONF"
}
hsm_backend "$CONF" wrong main "user_pin = file:$T/wrong_pin.txt"
hsm_backend "$CONF" officer main "so_pin = file:$T/so_pin.txt"
hsm_backend "$CONF" missing nowhere
hsm_backend "$CONF" twin twin
hsm_backend "$CONF" nopin nopin
hsm_backend "$CONF" spare spare
# Through the module that counts.
faulty
backend spied main "$FAULTY" "user_pin = file:$T/wrong_pin.txt"
backend spiedok main "$FAULTY" "user_pin = file:$T/pin.txt"
openssl_cnf "$T/openssl.cnf" default keystore
KEYSTORE_LINE="pkcs11-module-path = $HSM_MODULE" \
    openssl_cnf "$T/module.cnf" default keystore
seq 100 >message
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout leaf.key -subj /CN=leaf -out leaf.csr 2>/dev/null

expect_ok caadm key create keystore://hsm/k --key-type ec:P-256
expect_ok openssl req -x509 -new -key keystore://hsm/k -subj /CN=k -out k.crt

# all_say WORD...: the last command's errors have all of these.
all_say()
{
    local word

    for word in "$@"; do
        expect_stderr_has "$word"
    done
    expect_no_secret
}

# openssl itself repeats its arguments, as does libcrypto's file: loader.
without_echo()
{
    sed -i -e '/^Could not /d' -e '/calling stat(/d' err
}

# bad CODE URI WORD...: caadm and openssl cannot use the key, and say why.
bad()
{
    local code=$1 uri=$2

    shift 2
    expect_exit "$code" caadm key test "$uri"
    all_say 'caadm: error: ' "$@"
    expect_fail openssl dgst -sha256 -sign "$uri" -out sig message
    all_say 'keystore' "$@"
}

title "a wrong PIN"
bad 4 keystore://wrong/k main CKR_PIN_INCORRECT 'user.PIN' k
calls C_Login >/dev/null
for command in "caadm key test keystore://spied/k" \
    "caadm key create keystore://spied/new --key-type ec:P-256" \
    "caadm ca create x --backend spied --subject CN=x --days 9" \
    "caadm key delete keystore://spied/k --yes" \
    "openssl pkey -in keystore://spied/k -noout" \
    "openssl dgst -sha256 -sign keystore://spied/k -out sig message" \
    "openssl pkey -in keystore://spied/k -passin file:pin.txt -noout" \
    "openssl cms -sign -binary -in message -signer k.crt -inkey \
        keystore://spied/k -signer k.crt -inkey keystore://spied/k -out cms" \
    "openssl genpkey -propquery provider=keystore -algorithm EC -pkeyopt \
        group:P-256 -pkeyopt keystore-uri:keystore://spied/n -out n.pem"; do
    # shellcheck disable=SC2086 # words
    expect_fail $command
    all_say main CKR_PIN_INCORRECT
    expect_equal "logins of $command" "$(calls C_Login)" 1
done
run openssl storeutl -noout keystore://spied/k # its exit code is always 0
all_say main CKR_PIN_INCORRECT
expect_equal "logins of storeutl" "$(calls C_Login)" 1
# What is public needs none.
for command in "caadm key list" "caadm backend check spied" \
    "openssl pkey -pubin -in keystore://spied/k -noout" \
    "openssl storeutl -noout keystore://spied/"; do
    # shellcheck disable=SC2086 # words
    run $command
    [ "$RC" -lt 124 ] || fail "died ($RC): $command"
    expect_equal "logins of $command" "$(calls C_Login)" 0
done
# One that is right logs in once, however often the key is used.
expect_ok caadm ca create spied --key keystore://spiedok/k --subject CN=s \
    --days 900
expect_equal "logins of ca create" "$(calls C_Login)" 1
expect_ok caadm cert issue --ca spied --san a.example --csr leaf.csr --out l.pem
expect_equal "logins of cert issue" "$(calls C_Login)" 1

# Verifying and hashing are libcrypto's.
calls none >/dev/null
expect_ok openssl dgst -sha256 -sign keystore://spiedok/k -out sig message
expect_ok openssl dgst -sha256 -prverify keystore://spiedok/k -signature sig \
    message
expect_equal "signatures by the token" "$(grep -cx C_Sign "$FAULT_LOG")" 1
! grep -E '^C_(Verify|Digest|Encrypt|WrapKey|GenerateRandom)' "$FAULT_LOG" ||
    fail "a public operation of the token's"

# The same token by way of two modules is one too many for a pkcs11: URI.
sed -i '/^\[backend spied/,$d' "$CONF"

title "sources of PINs"
expect_ok caadm key test keystore://askhsm/k --user-pin file:pin.txt
expect_exit 4 caadm key test keystore://askhsm/k
all_say PIN
expect_exit 4 caadm key test keystore://hsm/k --user-pin ''
all_say PIN
expect_exit 2 caadm key test keystore://hsm/k --so-pin file:so_pin.txt
all_say 'user.pin' 'so.pin'
expect_exit 3 caadm key test keystore://hsm/k --user-pin '' --so-pin \
    file:so_pin.txt
all_say main 'security officer' 'user.pin'
expect_exit 3 caadm key test keystore://officer/k
all_say main 'security officer' 'user.pin'
expect_fail caadm key create keystore://officer/n --key-type ec:P-256
all_say main 'SO|security officer' CKR_ 'user.pin'
expect_fail openssl pkey -in keystore://officer/k -noout
all_say main 'SO|security officer'
cp "$CONF" kept.conf
printf '\n[backend both]\ntype = pkcs11\nmodule = %s\ntoken = main\n%s\n%s\n' \
    "$HSM_MODULE" "user_pin = file:pin.txt" "so_pin = file:so_pin.txt" \
    >>"$CONF"
expect_exit 2 caadm key test keystore://both/k
all_say both user_pin so_pin
expect_fail openssl pkey -in keystore://both/k -noout
all_say both user_pin so_pin
mv kept.conf "$CONF"
expect_ok openssl pkey -in "keystore://askhsm/k?pin-source=file:$T/pin.txt" \
    -noout
expect_ok openssl pkey -in "keystore://hsm/k?pin-value=$PIN" -noout
expect_no_secret
expect_fail openssl pkey -in "keystore://hsm/k?pin-value=x$PIN" -noout
without_echo
all_say CKR_PIN_INCORRECT
expect_fail openssl pkey -in "pkcs11:token=main;object=k?pin-value=x$PIN" -noout
without_echo
all_say CKR_PIN_INCORRECT
: >empty.txt
expect_exit 4 caadm key test keystore://askhsm/k --user-pin file:empty.txt
expect_exit 4 caadm key test keystore://askhsm/k --user-pin file:none.txt
all_say none.txt
expect_exit 2 caadm key test keystore://askhsm/k --user-pin frob:x

title "a token without a user PIN"
bad 4 keystore://nopin/k nopin '(CKR_USER_PIN_NOT_INITIALIZED|no user PIN)'

title "no such token, two of one label"
bad 3 keystore://missing/k nowhere main spare twin
bad 3 'pkcs11:token=nowhere;object=k' nowhere main spare twin
expect_exit 6 caadm backend check missing
all_say nowhere main
bad 2 keystore://twin/k twin 'serial|two|several|more than one'
bad 2 'pkcs11:token=twin;object=k' twin 'serial|two|several|more than one'

title "no such object, two of one label"
bad 3 keystore://hsm/nothing nothing 'token "main"'
bad 3 'pkcs11:token=main;object=nothing' nothing main
expect_exit 3 caadm key show keystore://hsm/nothing
all_say nothing 'token "main"'
bad 3 'keystore://hsm/k;id=0102' 'k.*0102'
for id in 0a01 0a02; do
    expect_ok tool --token-label main --keypairgen --key-type EC:secp256r1 \
        --label dup --id $id
done
bad 2 keystore://hsm/dup dup main 0a01 0a02
bad 2 'pkcs11:token=main;object=dup' dup main 0a01 0a02
expect_ok caadm key test 'keystore://hsm/dup;id=0a01'
expect_ok openssl pkey -in 'pkcs11:token=main;object=dup;id=%0a%02' -noout
expect_ok openssl storeutl -noout keystore://hsm/
expect_stdout_has 'dup.*id=0a01'
expect_stdout_has 'dup.*id=0a02'
for id in 0 0g 0a0 ''; do
    expect_exit 2 caadm key test "keystore://hsm/k;id=$id"
done

title "a label or an id that is taken"
before=$(objects main | wc -l)
expect_exit 1 caadm key create keystore://hsm/k --key-type ec:P-256
all_say k main 'taken'
expect_exit 1 caadm key create keystore://hsm/other --key-id 0a01 --key-type \
    ec:P-256
all_say 0a01 main 'taken|has an object'
expect_fail openssl genpkey -propquery provider=keystore -algorithm EC \
    -pkeyopt group:P-256 -pkeyopt keystore-uri:keystore://hsm/k -out n.pem
all_say keystore://hsm/k taken
expect_exit 1 caadm ca create c --backend hsm --key-label k --subject CN=c \
    --days 9
expect_exit 1 caadm key import keystore://hsm/k --in leaf.key
expect_equal "objects" "$(objects main | wc -l)" "$before"

title "a key that may not, a mechanism that is not there"
expect_ok caadm key create keystore://hsm/nosign --key-type rsa:2048 --usage \
    decrypt
expect_ok caadm key test keystore://hsm/nosign # by decrypting
for command in "caadm ca create n --key keystore://hsm/nosign --subject CN=n" \
    "openssl req -x509 -new -key keystore://hsm/nosign -subj /CN=n" \
    "openssl dgst -sha256 -sign keystore://hsm/nosign -out sig message"; do
    # shellcheck disable=SC2086 # words
    expect_fail $command
    all_say nosign main CKR_KEY_FUNCTION_NOT_PERMITTED CKA_SIGN
done
# A key that is made to sign does not decrypt.
expect_ok caadm key create keystore://hsm/signs --key-type rsa:2048
expect_ok openssl req -x509 -new -key keystore://hsm/signs -subj /CN=s -out s.crt
expect_ok openssl cms -encrypt -in message -outform PEM -out sealed.pem s.crt
expect_fail openssl cms -decrypt -inform PEM -in sealed.pem -inkey \
    keystore://hsm/signs
# SoftHSM leaves out the mechanisms after the first (which it mistakes).
sed 's/^slots.removable.*/slots.mechanisms = -CKM_MD5,CKM_ECDSA/' \
    "$SOFTHSM2_CONF" >lacks.conf
before=$(objects main | wc -l)
kept=$SOFTHSM2_CONF
SOFTHSM2_CONF=$T/lacks.conf
bad 4 keystore://hsm/k k main CKM_ECDSA
expect_fail caadm ca create orphan --backend hsm --key-type ec:P-256 \
    --subject CN=orphan --days 900
all_say main CKM_ECDSA
SOFTHSM2_CONF=$kept
expect_equal "objects" "$(objects main | wc -l)" "$before"
expect_exit 3 caadm ca show orphan

title "no orphans"
expect_ok caadm ca create parent --subject CN=parent --days 20 --path-length 0
for command in "--backend hsm --subject CN=o --parent parent --days 10" \
    "--backend hsm --subject CN=o --parent nobody --days 10" \
    "--backend hsm --subject CN=o --days 0" \
    "--backend hsm --subject CN=o --days 9 --key-type rsa:512" \
    "--backend hsm --subject CN=o --days 9 --key-type ec:P-111" \
    "--backend hsm --subject frob --days 9" \
    "--backend wrong --subject CN=o --days 9" \
    "--backend hsm --subject CN=o --days 9 --ext basicConstraints=frob" \
    "--backend hsm --subject CN=o --days 9 --out /nowhere/x.pem" \
    "--backend hsm --subject CN=o --days 9 --key-id zz"; do
    # shellcheck disable=SC2086 # words
    expect_fail caadm ca create o $command
    expect_no_secret
    expect_equal "objects after $command" "$(objects main | wc -l)" "$before"
done
expect_ok caadm ca create o --backend hsm --subject CN=o --days 9 --dry-run
expect_equal "objects after --dry-run" "$(objects main | wc -l)" "$before"

title "modules"
cat >crash.c <<'C'
#include <stdlib.h>
__attribute__((constructor)) static void crash(void) { abort(); }
C
cat >hang.c <<'C'
#include <unistd.h>
__attribute__((constructor)) static void hang(void) { for (;;) pause(); }
C
echo 'int nothing_of_pkcs11;' >other.c
echo 'not a library' >text.so
for name in crash hang other; do
    expect_ok cc -shared -fPIC -o $name.so $name.c
done
for name in crash hang other text gone; do
    backend $name main "$T/$name.so"
done
# a word or two that each check says | backend
while IFS='|' read -r name word; do
    [ -n "$name" ] || continue
    run caadm backend check "$name"
    [ "$RC" -ne 0 ] || fail "backend check finds $name.so well"
    [ "$RC" -lt 124 ] || fail "backend check died ($RC) of $name.so"
    all_say "$name.so" "$word"
done <<'MODULES'
crash|signal|crash|abort
hang|hang|seconds|10 s
other|not a PKCS#11|C_GetFunctionList
text|text.so
gone|no such|not found|gone.so
MODULES
for name in other text gone; do
    run caadm key test keystore://$name/k
    [ "$RC" -ge 2 ] && [ "$RC" -le 4 ] || fail "exit $RC with $name.so"
    all_say "$name.so"
    expect_fail openssl pkey -in keystore://$name/k -noout
    all_say "$name.so"
done
# The other backends go on working.
expect_ok openssl pkey -in keystore://hsm/k -noout
run caadm backend check hsm
expect_equal "backend check hsm" "$RC" 0
sed -i '/^\[backend crash\]/,$d' "$CONF"

title "malformed URIs"
while read -r uri; do
    expect_exit 2 caadm key test "$uri"
    expect_stderr_has 'caadm: error: .'
    expect_no_secret
    expect_fail openssl pkey -in "$uri" -noout
    without_echo
    expect_no_secret
    expect_stderr_has 'keystore'
done <<URIS
pkcs11:token=main;object=k;object=k
pkcs11:token=main;object=k%
pkcs11:token=main;object=k%zz
pkcs11:token=main;frob=x
pkcs11:token=main;object=k;type=frob
pkcs11:token=main;object=k?pin-source=frob:x
pkcs11:token=main;object=k?pin-value=$PIN&pin-source=file:x
pkcs11:token=main;object=k?module-path=relative.so
pkcs11:token
pkcs11:slot-id=x;object=k
URIS
cd "$T" # a file of that name is not taken for the key
: >'pkcs11:token=main;object=nothing'
expect_exit 3 caadm key test 'pkcs11:token=main;object=nothing'

title "no PIN in arguments, environments or writes"
watched()
{
    local want=$1 secret

    shift
    rm -f calls
    run strace -f -qq -v -s 100000 -o calls -e \
        trace=execve,write,pwrite64,writev,pwritev,sendto,sendmsg "$@"
    [ "$RC" -eq "$want" ] || fail "exit $RC, not $want: $*"
    for secret in "$PIN" "$SO_PIN"; do
        ! grep -aqF -e "$secret" calls || fail "hands out a PIN: $*"
    done
    expect_no_secret
}
watched 0 caadm key test keystore://hsm/k
watched 0 caadm key create keystore://hsm/w --key-type ec:P-256
watched 0 caadm ca create w --key keystore://hsm/w --subject CN=w --days 9
watched 0 caadm backend check hsm
watched 0 caadm key show keystore://hsm/k --json
watched 0 caadm key delete keystore://hsm/w --force --yes
watched 4 caadm key test keystore://wrong/k
watched 0 openssl dgst -sha256 -sign keystore://hsm/k -out sig message
run caadm doctor
expect_no_secret
