#!/bin/bash
# `caadm doctor` finds each fault that is planted, says what it is, ends with
# 6, and with 0 when it is gone.
#   doctor.sh CAADM
set -euo pipefail
caadm=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
umask 022
export HOME=$work CAADM_HOME=$work/pki OPENSSL_CONF=$work/openssl.cnf
unset CAADM_CONFIG XDG_CONFIG_HOME
failed=0

fail() {
    echo "doctor: $*" >&2
    failed=1
}

# healthy WHAT
healthy() {
    "$caadm" doctor >out 2>err || fail "$1: $(cat out err)"
}

# sick WHAT PATTERN: exactly one problem, and it says so.
sick() {
    local rc=0

    "$caadm" doctor >out 2>err || rc=$?
    [ "$rc" -eq 6 ] || fail "$1: exit $rc"
    grep -v '^ok' out >problems || true
    [ "$(wc -l <problems)" -eq 1 ] || fail "$1: $(cat problems)"
    grep -qE "$2" problems || fail "$1: not told: $(cat out)"
    hint=$(cut -f 4 problems)
}

# cnf PROVIDER...: an openssl.cnf that activates these.
cnf() {
    local name

    echo "openssl_conf = init"
    echo "[init]"
    echo "providers = providers"
    echo "[providers]"
    for name in "$@"; do
        echo "$name = section_$name"
    done
    for name in "$@"; do
        printf '[section_%s]\nactivate = 1\n' "$name"
    done
}

echo secret >pw.txt
chmod 600 pw.txt
cnf default keystore >openssl.cnf
"$caadm" --quiet init --passphrase file:pw.txt
"$caadm" --quiet ca create root --subject CN=root --days 400 --out root.pem
healthy "a new home"
cp pki/caadm.conf good.conf
cp openssl.cnf good.cnf

cnf keystore >openssl.cnf
sick "keystore alone" 'switches default off'
cnf default >openssl.cnf
healthy "default alone"
rm openssl.cnf
healthy "no openssl.cnf"
echo '[broken' >openssl.cnf
sick "a broken openssl.cnf" 'openssl.cnf cannot be read'
{
    cat good.cnf
    echo "[section_keystore]"
    echo "config = $work/other.conf"
} >openssl.cnf
sick "another configuration" 'other.conf'
cp good.cnf openssl.cnf

# permission MODE PATH PATTERN
permission() {
    local before

    before=$(stat -c %a "$2")
    chmod "$1" "$2"
    sick "$2 with mode $1" "$3"
    # What to do is a command that helps, as it stands.
    eval "$hint" || fail "$2: not a command: $hint"
    healthy "$2 after $hint"
    chmod "$before" "$2"
}
permission 777 pki 'pki can be changed by others'
permission 755 pki/keys 'keys can be read or changed by others'
permission 644 pki/keys/root.pem 'root.pem can be read or changed'
permission 644 pki/caadm.db 'caadm.db can be read or changed'
permission 640 pw.txt 'pw.txt can be read or changed'
permission 666 pki/caadm.conf 'caadm.conf'
healthy "what was put right"

cat good.conf - >pki/caadm.conf <<'CONF'
[backend open]
type = file
path = open
sealing = none
CONF
mkdir -m 700 pki/open
sick "keys without sealing" 'backend open keeps its keys unsealed'
sed 's/^passphrase.*/passphrase = pass:secret/' good.conf >pki/caadm.conf
sick "a passphrase in caadm.conf" 'passphrase in caadm.conf itself'
! grep -q secret out || fail "shows the passphrase"
cat good.conf - >pki/caadm.conf <<'CONF'
[backend odd]
type = file
CONF
sick "a backend without a path" 'odd'
cat good.conf - >pki/caadm.conf <<'CONF'
[profile odd]
days = 0
CONF
sick "a profile that cannot be" 'odd'
cp good.conf pki/caadm.conf

# Keys and their random secrets lie apart: one may be there without the other.
cat good.conf - >pki/caadm.conf <<'CONF'
[backend alone]
type = file
path = alone
passphrase = random
CONF
mkdir -m 700 pki/alone
healthy "no key that loads unattended"
"$caadm" --quiet key create keystore://alone/k
healthy "a key that loads unattended"
grep -q '1 key of alone loads' out || fail "not told: $(cat out)"
sqlite3 pki/caadm.db 'DELETE FROM secret'
sick "its secret is gone" 'keystore://alone/k cannot be opened'
rm pki/alone/k.pem
"$caadm" --quiet key create keystore://alone/k
sed 's/backend alone/backend renamed/' pki/caadm.conf >renamed.conf
cat renamed.conf >pki/caadm.conf
"$caadm" doctor >out 2>err && fail "a renamed backend: exit 0"
grep -q 'secrets of backend alone, which' out || fail "renamed: $(cat out)"
grep -q 'renamed/k cannot be opened' out || fail "renamed: $(cat out)"
cp good.conf pki/caadm.conf
sqlite3 pki/caadm.db 'DELETE FROM secret'
healthy "what was put right"

# Keys that keys are sealed to: of a backend, and in a file.
# sealed_to LIST: db is sealed to these.
sealed_to() {
    { cat good.conf && echo "[backend db]" && echo "type = sqlite" &&
        echo "path = db.sqlite" && echo "seal_to = $1"; } >pki/caadm.conf
}
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
    -out escrow.key 2>/dev/null
chmod 600 escrow.key
openssl pkey -in escrow.key -pubout -out escrow.pem
openssl pkey -in escrow.key -aes-256-cbc -passout pass:x -out escrow.enc
openssl req -x509 -new -key escrow.key -subj /CN=escrow -out escrow.crt
sealed_to "keystore://default/kek, file:$work/escrow.pem"
"$caadm" --quiet key create keystore://default/kek --key-type ec:P-256
"$caadm" --quiet key create keystore://db/k
healthy "keys that keys are sealed to"
grep -q 'seal_to of db: 2 keys are there' out || fail "not told: $(cat out)"
mv escrow.pem escrow.away
sick "no file" "seal_to of db: $work/escrow.pem: No such file"
mkdir escrow.pem
sick "a folder" 'escrow.pem is no regular file'
rmdir escrow.pem
cp pw.txt escrow.pem
sick "no key in it" 'escrow.pem has no public key'
rm escrow.pem
mkfifo escrow.pem
sick "a pipe" 'escrow.pem is no regular file'
rm escrow.pem
mv escrow.away escrow.pem
permission 666 escrow.pem 'escrow.pem can be changed by others'
permission 664 escrow.pem 'escrow.pem can be changed by others'
sealed_to "keystore://default/kek, file:$work/escrow.key"
permission 644 escrow.key 'others can read .*escrow.key'
sealed_to "keystore://default/kek, file://$work/escrow.crt"
healthy "a certificate"
sealed_to "keystore://default/kek, file:$work/escrow.enc"
sick "no public half beside it" 'escrow.enc has no public key'
sealed_to "file:$work/escrow.pem, file:$work/escrow.crt"
sick "public halves alone" 'only public halves in files'
sealed_to "file:$work/escrow.key"
healthy "a private key alone"
grep -q 'seal_to of db: 1 key is there' out || fail "not told: $(cat out)"
sealed_to "keystore://default/kek, file:$work/escrow.pem"
mv pki/keys/kek.pem kek.away
sick "a key that is gone" 'seal_to of db: keystore://default/kek'
case $hint in
    *'correct seal_to in [backend db]'*'; keys open as long as another'*) ;;
    *) fail "a key that is gone: $hint" ;;
esac
mv kek.away pki/keys/kek.pem
if [ "$(id -u)" -eq 0 ]; then
    chown 1 escrow.pem
    sick "another's file" 'escrow.pem belongs to somebody else'
    chown 0 escrow.pem
fi
healthy "what was put right"
rm pki/keys/kek.pem pki/db.sqlite*
cp good.conf pki/caadm.conf

openssl genpkey -algorithm ED25519 -out pki/keys/plain.pem 2>/dev/null
chmod 600 pki/keys/plain.pem
"$caadm" doctor >out 2>err && fail "a plain key: exit 0"
grep -q 'plain.pem is not sealed' out || fail "a plain key: $(cat out)"
rm pki/keys/plain.pem
mv pki/caadm.db moved.db
sick "no inventory" 'caadm.db'
mv moved.db pki/caadm.db
mv pki/caadm.conf moved.conf
sick "no configuration" 'caadm.conf'
mv moved.conf pki/caadm.conf
healthy "what was put right"
"$caadm" --quiet ca create brief --subject CN=brief --until 2s --out brief.pem
sleep 3
sick "a CA that has expired" 'brief expired'

# A home of its own: what is sick from here on stays so.
export CAADM_HOME=$work/late
"$caadm" --quiet init --passphrase file:pw.txt
"$caadm" --quiet ca create late --subject CN=late --out late.pem \
    --from "$(date -u -d '-47 hours' +%Y-%m-%dT%H:%M:%SZ)" --until 48h
sick "a CA close to its end" 'CA.late ends in'
export CAADM_HOME=$work/future
"$caadm" --quiet init --passphrase file:pw.txt
healthy "another home"
# A key made tomorrow: whoever looks now has a clock that is late.
cat >tomorrow.c <<'C'
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
time_t time(time_t *at)
{
    struct timespec now;

    syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    now.tv_sec += 86400;
    if (at != NULL)
        *at = now.tv_sec;
    return now.tv_sec;
}
C
cc -shared -fPIC -o tomorrow.so tomorrow.c
ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0 \
    LD_PRELOAD=$work/tomorrow.so "$caadm" --quiet key create \
    keystore://default/k
sick "a clock that is late" 'clock.*before the last act'

# Alone in a folder caadm has no module beside it, and an empty folder is the
# only other place.
export CAADM_HOME=$work/nothing
"$caadm" --quiet init --passphrase file:pw.txt
mkdir alone
cp "$caadm" alone/
if [ ! -e /usr/lib/x86_64-linux-gnu/ossl-modules/keystore.so ]; then
    kept=$caadm
    caadm=$work/alone/caadm
    sick "no provider" 'keystore.so: provider module not found; looked in'
    caadm=$kept
fi
healthy "with its provider"
rm -r alone

export CAADM_HOME="$work/it is"
"$caadm" --quiet init --passphrase file:pw.txt
permission 777 "it is" 'can be changed by others'
permission 755 "it is/keys" 'can be read or changed by others'
export CAADM_HOME=$work/pki
"$caadm" doctor --json >out 2>err && fail "JSON: exit 0"
grep -q '"version": 1' out || fail "JSON: $(cat out)"
exit $failed
