#!/bin/bash
# Backends in shared objects: the examples of docs/, built from an installed
# tree, through openssl and caadm; every kind of file that is refused; and
# that a broken one troubles nobody who does not use it.
. "$(dirname "$0")/lib.sh"

BUILD=$(dirname "$MODULES")
PINWORD="plug-in-pin-$$"
SECRETS+=("$PINWORD")

title "built with what is installed"
unset DESTDIR MAKEFLAGS MAKELEVEL
expect_ok cmake --install "$BUILD" --component dev --prefix "$T/prefix"
PKG_CONFIG_PATH=$(dirname "$(find "$T/prefix" -name keystore-backend.pc)")
export PKG_CONFIG_PATH
cp -r "$(find "$T/prefix" -type d -name example-backend)" src
LIMIT=300 expect_ok make -C src
expect_ok make -C src install
PLUGINS=$(realpath "$(pkg-config --variable=backenddir keystore-backend)")
for backend in material operation both; do
    [ -f "$PLUGINS/$backend.so" ] || fail "no $backend.so in $PLUGINS"
done
expect_equal "abi" "$(pkg-config --variable=abi keystore-backend)" \
    "$(sed -n 's/^#define KS_BACKEND_ABI \([0-9]*\)u$/\1/p' \
        "$T"/prefix/include/keystore/ks_backend.h)"

keystore_home "$T/pki"
printf '%s\n' "$PINWORD" >pki/pin
printf 'not the pin\n' >pki/wrong.pin
chmod 600 pki/*pin
cat >>pki/caadm.conf <<CONF

[backend records]
type = $PLUGINS/material.so
path = records
passphrase = file:pw
$CHEAP_KDF

[backend kept]
type = $PLUGINS/material.so
path = records
passphrase = file:pw
extractable = no

[backend vault]
type = $PLUGINS/operation.so
path = vault
pin = file:pin

[backend both]
type = $PLUGINS/both.so
path = both
passphrase = file:pw
pin = file:pin
$CHEAP_KDF

[backend both-inside]
type = $PLUGINS/both.so
path = both
passphrase = file:pw
pin = file:pin
inside = yes
CONF
cp pki/caadm.conf good.conf
openssl_cnf "$T/openssl.cnf" default keystore
echo "some text" >text

# use URI: signs by openssl, the public half of which verifies.
use()
{
    expect_ok openssl pkey -in "$1" -pubout -out got.pub
    expect_ok openssl dgst -sha256 -sign "$1" -out sig text
    expect_ok openssl dgst -sha256 -verify got.pub -signature sig text
    case $1 in
    *:*) expect_ok caadm key test "$1" ;;
    esac
    expect_no_secret
}

title "keys by caadm, openssl and a CA"
for name in records vault both both-inside; do
    expect_ok caadm key create "keystore://$name/rsa-$name" --key-type rsa:2048
    use "keystore://$name/rsa-$name"
    expect_ok openssl genpkey -propquery provider=keystore -algorithm EC \
        -pkeyopt group:P-256 -pkeyopt "keystore-uri:keystore://$name/ec-$name" \
        -out uri.pem
    use uri.pem
    expect_ok openssl genpkey -algorithm ED25519 -out ed.pem
    expect_ok caadm key import "keystore://$name/ed-$name" --in ed.pem
    expect_ok openssl pkey -in "keystore://$name/ed-$name" -pubout -out got.pub
    expect_ok openssl pkey -in ed.pem -pubout -out want.pub
    expect_same got.pub want.pub
    expect_ok caadm ca create "ca-$name" --backend "$name" --days 300 \
        --subject "CN=CA in $name"
    expect_ok caadm cert issue --ca "ca-$name" --profile server \
        --san www.example.com --new-key "keystore://$name/www-$name" \
        --out "$name.pem"
    expect_ok openssl x509 -in "$name.pem" -noout -pubkey -out want.pub
    expect_ok openssl pkey -in "keystore://$name/www-$name" -pubout -out got.pub
    expect_same got.pub want.pub
    expect_no_secret
done

title "listed and checked"
expect_ok caadm key list
expect_equal "keys" "$(grep -c . out)" 35 # kept sees records', both's twice
expect_ok openssl storeutl -noout keystore://vault/
expect_stdout_has 'Total found: 5'
expect_ok caadm backend check vault --secrets
expect_ok caadm backend check both
expect_ok caadm backend list
expect_stdout_has "^vault	$PLUGINS/operation.so	keystore://vault/	.*/pki/vault	-	yes"
expect_stdout_has "^records	.*	passphrase	yes"
expect_no_secret
expect_ok caadm backend list --json
expect_no_secret
expect_ok caadm doctor
expect_stdout_has "^ok	plug-in	$PLUGINS/material.so is there and closed"
expect_stdout_has '^ok	backend	vault has 5 keys'

title "what is kept is sealed"
for folder in records vault both; do
    ! grep -rqaE 'PRIVATE KEY' "pki/$folder" || fail "$folder: PEM"
    pass
done
expect_ok caadm key passwd keystore://records/rsa-records \
    --passout file:wrong.txt
expect_fail openssl pkey -in keystore://records/rsa-records -noout
expect_stderr_has 'wrong passphrase'
expect_ok openssl pkey -in keystore://records/rsa-records -passin \
    file:wrong.txt -noout
expect_ok caadm key passwd keystore://records/rsa-records --passin \
    file:wrong.txt --passout file:pw.txt
expect_fail caadm key passwd keystore://vault/rsa-vault --passout file:pw.txt
expect_stderr_has 'passphrase'

title "material keys leave, operation keys do not"
expect_ok openssl pkey -in keystore://records/rsa-records
expect_stdout_has 'BEGIN PRIVATE KEY'
for uri in keystore://kept/rsa-records keystore://vault/rsa-vault \
    keystore://both-inside/rsa-both-inside keystore://both/rsa-both-inside; do
    use "$uri"
    run openssl pkey -in "$uri" # gives its URI
    ! grep -q 'PRIVATE KEY' out || fail "$uri: came out"
    expect_fail caadm key export "$uri" --passout file:pw.txt --out leak.pem
    [ ! -e leak.pem ] || fail "$uri: was exported"
done
use keystore://both-inside/rsa-both
expect_ok openssl pkey -in keystore://both-inside/rsa-both
expect_stdout_has 'BEGIN PRIVATE KEY'

title "the PIN: in the section, in the URI, asked for, wrong"
sed -i '/^pin = /d' pki/caadm.conf
expect_fail openssl pkey -in keystore://vault/ec-vault -noout -passin file:/dev/null
expect_fail openssl pkey -in keystore://vault/ec-vault -noout \
    -passin file:pki/wrong.pin
expect_stderr_has 'keystore.*wrong passphrase or PIN'
expect_ok openssl pkey -in keystore://vault/ec-vault -noout -passin file:pki/pin
expect_ok openssl pkey -in "keystore://vault/ec-vault?pin-source=file:$T/pki/pin" \
    -noout
expect_exit 4 caadm key test keystore://vault/ec-vault
expect_fail openssl pkey -in keystore://vault/ec-vault -noout
expect_stderr_has 'no PIN was given.*hint: .*pin = SOURCE in the backend'
expect_exit 4 caadm key test keystore://vault/ec-vault --passin \
    file:pki/wrong.pin
expect_no_secret
expect_ok caadm key list vault # asks for none
sed -i 's/^\(path = vault\)$/\1\npin = file:wrong.pin/' pki/caadm.conf
expect_exit 4 caadm key test keystore://vault/ec-vault
cp good.conf pki/caadm.conf

title "sealed to a key that stays inside"
expect_ok caadm key create keystore://vault/kek --key-type rsa:3072
cat >>pki/caadm.conf <<CONF

[backend safe]
type = $PLUGINS/material.so
path = safe
seal_to = keystore://vault/kek
CONF
expect_ok caadm key create keystore://safe/k --key-type ec:P-256
use keystore://safe/k
expect_ok caadm backend list
expect_stdout_has '^safe	.*	keys	yes'
expect_ok caadm key show keystore://safe/k
expect_ok caadm key reseal keystore://records/ec-records --seal-to \
    keystore://vault/kek
use keystore://records/ec-records
expect_ok caadm key reseal keystore://records/
use keystore://records/ec-records
sed -i 's/^pin = file:pin$/pin = file:wrong.pin/' pki/caadm.conf
expect_fail openssl pkey -in keystore://safe/k -noout
expect_stderr_has 'keystore'
use keystore://records/ec-records
sed -i 's/^pin = file:wrong.pin$/pin = file:pin/' pki/caadm.conf
expect_no_secret

title "moved from one backend to another, a CA goes on"
for to in both/moved records/moved both-inside/moved; do
    from=$(caadm ca show ca-records --json | jq -r .ca.key_uri)
    expect_ok openssl pkey -in "$from" -pubout -out want.pub
    expect_ok caadm key move "$from" "keystore://$to"
    expect_no_secret
    expect_exit 3 caadm key show "$from"
    expect_ok openssl pkey -in "keystore://$to" -pubout -out got.pub
    expect_same got.pub want.pub
    use "keystore://$to"
    expect_ok caadm cert issue --ca ca-records --profile server \
        --san z.example.com --new-key "keystore://default/z-${to%/*}" \
        --out z.pem --force
done
expect_exit 4 caadm key move keystore://both-inside/moved keystore://default/out
use keystore://both-inside/moved # what is inside stays there

title "certificates beside keys"
for uri in keystore://records/www-records keystore://both/www-both \
    keystore://both-inside/www-both-inside; do
    name=${uri##*www-}
    expect_ok caadm key cert "$uri" --in "$name.pem"
    expect_ok caadm key cert "$uri"
    expect_ok openssl x509 -in "$uri" -noout -pubkey -out got.pub
    expect_ok openssl pkey -in "$uri" -pubout -out want.pub
    expect_same got.pub want.pub
    use "$uri"
    expect_ok caadm key cert "$uri" --remove
    use "$uri"
done
expect_fail caadm key cert keystore://vault/www-vault --in vault.pem
cp good.conf pki/caadm.conf

title "a server, and a key that is taken"
tls_server vault -key keystore://vault/www-vault -cert vault.pem -www
expect_ok openssl s_client -connect "127.0.0.1:$PORT" -brief
expect_ok openssl s_client -connect "127.0.0.1:$PORT" -brief
for name in records vault both; do
    expect_exit 1 caadm key create "keystore://$name/rsa-$name"
    use "keystore://$name/rsa-$name"
    expect_ok caadm key delete "keystore://$name/ed-$name" --force
    expect_exit 3 caadm key show "keystore://$name/ed-$name"
done

title "damage is told, and only by the key that has it"
file=$(grep -laF rsa-records pki/records/*.key)
cp "$file" saved.key
python3 - "$file" <<'PYTHON'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[len(data) // 2] ^= 4
open(sys.argv[1], "wb").write(data)
PYTHON
expect_fail openssl pkey -in keystore://records/rsa-records -noout
expect_stderr_has 'damaged'
use keystore://records/ec-records
cp saved.key "$file"

# --- what is refused ---------------------------------------------------------
# section TYPE: a further section, "broken", of that type.
section()
{
    cp good.conf pki/caadm.conf
    printf '\n[backend broken]\ntype = %s\npath = broken\n' "$1" \
        >>pki/caadm.conf
}

# Whoever does not use it notices nothing.
others_work()
{
    use keystore://default/steady
    use keystore://vault/rsa-vault
    expect_ok caadm key list default
    expect_ok caadm backend list
    expect_stdout_has '^broken	'
    expect_ok caadm backend check records
    expect_ok caadm cert issue --ca ca-vault --profile server \
        --san y.example.com --csr steady.csr --out y.pem --force
    expect_ok caadm ca list
    expect_ok caadm cert list
}

# told EXIT WHY: who does, is told WHY, and what the file is; what lists all
# lists all others.
told()
{
    local code=$1 why=$2

    expect_exit "$code" caadm key list broken
    expect_stderr_has "\[backend broken\] type: .*$why"
    expect_stderr_has 'caadm: hint: .'
    expect_exit "$code" caadm key create keystore://broken/k
    expect_stderr_has "$why"
    expect_fail openssl pkey -in keystore://broken/k -noout
    expect_stderr_has "keystore.*$why"
    expect_exit "$code" caadm key list
    expect_stderr_has "$why"
    expect_equal "keys of the others" "$(grep -c . out)" "$KEYS"
    expect_exit 6 caadm backend check
    expect_stderr_has "$why"
    expect_stdout_has '^broken	0	1	problem'
    expect_equal "sound backends" "$(grep -c '	ok$' out)" 8
    expect_exit 6 caadm backend check broken
    expect_exit 6 caadm doctor
    expect_stdout_has "problem.*$why"
    expect_stdout_has '^ok	backend	vault has 5 keys'
    expect_equal "problems" "$(grep -c '^problem' out)" 1
}

# refused TYPE EXIT WHY
refused()
{
    section "$1"
    told "$2" "$3"
}

expect_ok caadm key create keystore://default/steady
expect_ok openssl req -new -key keystore://default/steady -subj /CN=x -out \
    steady.csr
expect_ok caadm key list
KEYS=$(grep -c . out)

title "missing, relative, a folder, a link, no code at all"
refused "$PLUGINS/none.so" 2 'none.so: No such file'
others_work
section material.so
expect_exit 2 caadm key list default # no type is called so: not a file's name
expect_stderr_has '\[backend broken\] type: not file, pkcs11, sqlite or the abs'
refused ./material.so 2 'material.so: not an absolute path'
mkdir "$PLUGINS/folder.so"
refused "$PLUGINS/folder.so" 2 'not a regular file'
ln -s material.so "$PLUGINS/link.so"
refused "$PLUGINS/link.so" 2 'is a symbolic link'
mkfifo "$PLUGINS/fifo.so"
refused "$PLUGINS/fifo.so" 2 'not a regular file'
cp text "$PLUGINS/text.so"
refused "$PLUGINS/text.so" 2 'cannot be loaded'
others_work
head -c 1000 "$PLUGINS/material.so" >"$PLUGINS/cut.so"
refused "$PLUGINS/cut.so" 2 'cannot be loaded'
refused "$CAADM" 2 'cannot be loaded|not a backend|others may write|belongs to'

title "not ours"
cat >other.c <<'C'
int some_function(void);
int some_function(void)
{
    return 1;
}
C
expect_ok cc -shared -fPIC -o "$PLUGINS/other.so" other.c
refused "$PLUGINS/other.so" 2 'not a backend: no variable ks_backend'
others_work

# shape NAME MEMBER...: a shared object with these members of ks_backend, and
# a line that tells if any of them is called.
shape()
{
    local name=$1

    shift
    {
        printf '#include <stdlib.h>\n#include <ks_backend.h>\n'
        # shellcheck disable=SC2016
        printf 'static void never(void) { abort(); }\n'
        printf '#define CALL(member) .member = (void *)never\n'
        printf 'KS_BACKEND_EXPORT const struct ks_backend ks_backend = {\n'
        printf '%s,\n' "$@"
        printf '};\n'
    } >"$name.c"
    # shellcheck disable=SC2046 # words
    expect_ok cc -shared -fPIC -w -o "$PLUGINS/$name.so" "$name.c" \
        $(pkg-config --cflags --libs keystore-backend)
}
COMMON='.abi = KS_BACKEND_ABI, .type = "x", CALL(close), CALL(list), CALL(info),
    CALL(remove)'
shape newer '.abi = KS_BACKEND_ABI + 1'
refused "$PLUGINS/newer.so" 2 'made for version 2 of the backend interface'
others_work
shape zero '.abi = 0'
refused "$PLUGINS/zero.so" 2 'made for version 0 of the backend interface'
shape no_open "$COMMON" 'CALL(get)' 'CALL(put)' 'CALL(replace)'
refused "$PLUGINS/no_open.so" 2 'backend without open'
shape no_put "$COMMON" 'CALL(open)' 'CALL(get)' 'CALL(replace)'
refused "$PLUGINS/no_put.so" 2 'backend without put'
shape no_keys "$COMMON" 'CALL(open)'
refused "$PLUGINS/no_keys.so" 2 'backend without get, put and replace, or open'
shape no_use "$COMMON" 'CALL(open)' 'CALL(generate)'
refused "$PLUGINS/no_use.so" 2 'backend without open_key'
printf 'int ks_fail(void*, int, const char *, ...); int ks_backend(void) {
    return ks_fail(0, 0, "x"); }' >unlinked.c
expect_ok cc -shared -fPIC -w -o "$PLUGINS/unlinked.so" unlinked.c
refused "$PLUGINS/unlinked.so" 2 'undefined symbol: ks_fail'
run caadm key list broken
expect_stderr_has 'pkg-config --libs keystore-backend'

title "of C++"
cat >plus.cc <<'CPP'
#include <ks_backend.h>
static ks_rc plus_open(const ks_backend_env *env, void **, ks_err *err)
{
    return ks_fail(err, KS_E_BUSY, "%s: made by C++", env->name);
}
template <typename... T> static ks_rc no(T...)
{
    return KS_E_UNSUPPORTED;
}
static void plus_close(void *)
{
}
extern "C" KS_BACKEND_EXPORT const struct ks_backend ks_backend = {
    .abi = KS_BACKEND_ABI, .type = "plus", .open = plus_open,
    .close = plus_close, .list = no, .info = no, .remove = no,
    .get = no, .put = no, .replace = no};
CPP
# shellcheck disable=SC2046 # words
expect_ok g++ -std=c++20 -Wall -Wno-missing-field-initializers -Werror \
    -fvisibility=hidden -shared -fPIC -o "$PLUGINS/plus.so" plus.cc \
    $(pkg-config --cflags --libs keystore-backend)
section "$PLUGINS/plus.so"
expect_exit 5 caadm key list broken
expect_stderr_has 'broken: made by C\+\+'
others_work

title "it misbehaves: nothing crashes, and what it says is told as it is"
cat >bad.c <<'C'
#include <string.h>
#include <ks_backend.h>
static ks_rc bad_open(const struct ks_backend_env *env, void **store,
                      struct ks_err *err)
{
    return KS_OK; /* with no store */
}
static void bad_close(void *store)
{
}
static ks_rc bad_list(void *store, ks_list_fn *each, void *arg,
                      struct ks_err *err)
{
    static const char *const names[] = {"", "a\nb", "\xff\xfe", "junk", "junk",
                                        "empty"};
    char longest[4000];
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    for (int i = 0; i < 6; i++) {
        ks_rc rc = each(arg, names[i], err);
        if (rc != KS_OK)
            return rc;
    }
    return each(arg, longest, err);
}
static ks_rc bad_info(void *store, const char *name, struct ks_key_info *info,
                      struct ks_err *err)
{
    if (strcmp(name, "junk") == 0)
        return ks_buf_set(&info->spki, "junk", 4);
    if (strcmp(name, "empty") == 0)
        return KS_OK;
    return strcmp(name, "odd") == 0 ? (ks_rc)7 : KS_E_IO; /* with no text */
}
static ks_rc bad_remove(void *store, const char *name, const struct ks_ask *ask,
                        struct ks_err *err)
{
    return KS_E_IO;
}
static ks_rc bad_get(void *store, const char *name, struct ks_record *record,
                     struct ks_err *err)
{
    record->form = strcmp(name, "junk") == 0 ? (enum ks_form)99 : KS_FORM_INSIDE;
    return KS_OK;
}
static ks_rc bad_put(void *store, const char *name,
                     const struct ks_record *record, struct ks_err *err)
{
    return KS_E_IO;
}
static ks_rc bad_replace(void *store, const char *name,
                         const struct ks_record *old,
                         const struct ks_record *record, struct ks_err *err)
{
    return KS_E_IO;
}
KS_BACKEND_EXPORT const struct ks_backend ks_backend = {
    .abi = KS_BACKEND_ABI, .type = "bad", .open = bad_open,
    .close = bad_close, .list = bad_list, .info = bad_info,
    .remove = bad_remove, .get = bad_get, .put = bad_put,
    .replace = bad_replace};
C
# shellcheck disable=SC2046 # words
expect_ok cc -shared -fPIC -fvisibility=hidden -o "$PLUGINS/bad.so" bad.c \
    $(pkg-config --cflags --libs keystore-backend)
section "$PLUGINS/bad.so"
for name in junk empty odd other; do
    for verb in show test export; do
        expect_fail caadm key "$verb" "keystore://broken/$name"
        expect_stderr_has 'caadm: error: key .*: .'
    done
    expect_fail openssl pkey -in "keystore://broken/$name" -noout
    expect_stderr_has 'keystore:'
    expect_fail openssl pkey -pubin -in "keystore://broken/$name" -noout
done
expect_exit 5 caadm key show keystore://broken/odd
expect_stderr_has 'unknown error|internal error'
expect_fail caadm key create keystore://broken/new --passout file:pw.txt
expect_fail caadm key delete keystore://broken/junk --force
expect_fail caadm key reseal keystore://broken/
run caadm key list broken
[ "$RC" -lt 124 ] || fail "died ($RC)"
expect_equal "control characters" "$(tr -d '[:print:]\n\t' <out | wc -c)" 0
expect_exit 6 caadm backend check broken
expect_exit 6 caadm doctor
run openssl storeutl keystore://broken/
[ "$RC" -lt 124 ] || fail "died ($RC)"
others_work

title "others may write it"
cp "$PLUGINS/material.so" "$PLUGINS/open.so"
chmod 777 "$PLUGINS/open.so"
refused "$PLUGINS/open.so" 5 'open.so: others may write it'
expect_stdout_has 'chmod go-w'
others_work
chmod 775 "$PLUGINS/open.so"
refused "$PLUGINS/open.so" 5 'open.so: others may write it'
mkdir "$T/loose" "$T/loose/below"
cp "$PLUGINS/material.so" "$T/loose/below/good.so"
chmod 777 "$T/loose"
refused "$T/loose/below/good.so" 5 "$T/loose: others may write it"
chmod 755 "$T/loose"
chmod 775 "$T/loose/below"
refused "$T/loose/below/good.so" 5 'below: others may write it'
chmod 1777 "$T/loose/below" # sticky: nobody can put another in its place
section "$T/loose/below/good.so"
expect_ok caadm key list broken
if [ "$(id -u)" -eq 0 ]; then
    chmod 755 "$T/loose/below"
    chown 12345 "$T/loose/below/good.so"
    refused "$T/loose/below/good.so" 5 'belongs to neither root nor you'
    chown 0 "$T/loose/below/good.so"
fi

title "what was wrong is corrected: the next command works"
section "$PLUGINS/later.so"
expect_fail caadm key create keystore://broken/k --passout file:pw.txt
cp "$PLUGINS/material.so" "$PLUGINS/later.so"
expect_ok caadm key create keystore://broken/k --passout file:pw.txt
expect_ok openssl pkey -in keystore://broken/k -noout -passin file:pw.txt

title "settings: the keystore's own are checked, the others are the backend's"
section "$PLUGINS/material.so"
echo "kdf = scrypt:3:3:3" >>pki/caadm.conf
expect_exit 2 caadm key list broken
expect_stderr_has '\[backend broken\] kdf: '
section "$PLUGINS/material.so"
echo "colour = red" >>pki/caadm.conf
expect_exit 2 caadm key list broken
expect_stderr_has '\[backend broken\] colour: unknown key'
others_work
section "$PLUGINS/material.so"
sed -i 's/^path = broken$//' pki/caadm.conf
expect_exit 2 caadm key list broken
expect_stderr_has '\[backend broken\] path: is missing'
expect_stderr_has 'hint: path = DIRECTORY'
others_work
section "$PLUGINS/both.so"
echo "inside = perhaps" >>pki/caadm.conf
expect_exit 2 caadm key list broken
expect_stderr_has 'inside: neither yes nor no'
expect_exit 2 caadm backend init vault
cp good.conf pki/caadm.conf
expect_ok caadm doctor
