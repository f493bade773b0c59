#!/bin/bash
# Keys that come from files: what is no usable key file is refused by name and
# leaves nothing in the backend; every usual form is taken; what goes out again
# is sealed, opens with openssl alone, and a key that stays inside does not go
# out.
#   import.sh CAADM
set -euo pipefail
caadm=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
umask 022
export HOME=$work CAADM_HOME=$work/pki OPENSSL_CONF=/dev/null LC_ALL=C
unset CAADM_CONFIG XDG_CONFIG_HOME
failed=0

fail() {
    echo "import: $*: $(cat out err)" >&2
    failed=1
}

# expect CODE PATTERN COMMAND...: PATTERN is in what it says, if not empty.
expect() {
    local rc=0 want=$1 pattern=$2

    shift 2
    timeout 20 setsid -w "$caadm" "$@" >out 2>err </dev/null || rc=$?
    [ "$rc" -eq "$want" ] || fail "exit $rc, not $want: $*"
    [ -z "$pattern" ] || grep -aqE -e "$pattern" err || fail "no $pattern: $*"
    ! grep -aq 'se-cret' out err || fail "shows the passphrase: $*"
}

echo se-cret >pw.txt
echo other >wrong.txt
chmod 600 pw.txt wrong.txt
expect 0 '' init --passphrase file:pw.txt
echo 'kdf = scrypt:1024:8:1' >>pki/caadm.conf # of default, which is last
cat >>pki/caadm.conf <<'CONF'
[backend inside]
type = file
path = inside
passphrase = file:../pw.txt
extractable = no
kdf = scrypt:1024:8:1
CONF

# name | genpkey's arguments
while IFS='|' read -r name arguments; do
    # shellcheck disable=SC2086 # the arguments are words
    openssl genpkey $arguments -out "$name.key" 2>/dev/null
    openssl pkey -in "$name.key" -pubout -out "$name.pub"
    openssl pkey -in "$name.key" -outform DER -out "$name.der"
    openssl pkcs8 -topk8 -in "$name.key" -passout file:pw.txt -out "$name.p8"
    for form in key der p8; do
        uri=keystore://default/$name-$form
        expect 0 '' key import "$uri" --in "$name.$form" --passin file:pw.txt
        expect 0 '' key show "$uri" --format pem --out "$name-$form.pub"
        cmp -s "$name.pub" "$name-$form.pub" || fail "another key: $uri"
        expect 0 '' key test "$uri"
    done
    expect 4 'passphrase' key import keystore://default/no --in "$name.p8" \
        --passin file:wrong.txt
    expect 4 'passphrase|terminal' key import keystore://default/no \
        --in "$name.p8"
    expect 0 '' key export "keystore://default/$name-key" \
        --out "$name.out" --passout file:wrong.txt
    openssl pkey -in "$name.out" -passin file:wrong.txt -pubout >out 2>err ||
        fail "openssl does not open what was exported"
    cmp -s out "$name.pub" || fail "another key was exported: $name"
    ! grep -q 'BEGIN PRIVATE' "$name.out" || fail "exported unsealed: $name"
    [ "$(stat -c %a "$name.out")" = 600 ] || fail "others read $name.out"
done <<'TYPES'
rsa|-algorithm RSA -pkeyopt rsa_keygen_bits:2048
pss|-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048
p256|-algorithm EC -pkeyopt group:P-256
p521|-algorithm EC -pkeyopt group:P-521
ed25519|-algorithm ED25519
ed448|-algorithm ED448
x25519|-algorithm X25519
TYPES
openssl rsa -in rsa.key -traditional -out rsa.trad 2>/dev/null
openssl ec -in p256.key -out ec.trad 2>/dev/null
expect 0 '' key import keystore://default/rsa-trad --in rsa.trad
expect 0 '' key import keystore://default/ec-trad --in ec.trad
ln -s rsa.key link.key
find pki -type f ! -name '*.db*' | sort >before

# What is no key file.
: >empty
head -c 300 rsa.key >truncated
head -c 4096 /dev/urandom >binary
truncate -s 1G big
cp rsa.pub public
openssl req -x509 -key rsa.key -subj /CN=x -out cert 2>/dev/null
openssl req -new -key rsa.key -subj /CN=x -out request 2>/dev/null
openssl genpkey -genparam -algorithm EC -pkeyopt group:P-256 -out params
head -c 200 p256.p8 >sealed-truncated
mkdir dir
ln -s nowhere dangling
for file in empty truncated binary big public cert request params \
    sealed-truncated dir; do
    rc=0
    timeout 20 "$caadm" key import keystore://default/no --in "$file" \
        --passin file:pw.txt >out 2>err </dev/null || rc=$?
    case $rc in
    2 | 4 | 5) ;;
    *) fail "exit $rc: key import --in $file" ;;
    esac
    grep -q "caadm: error: .*$file" err || fail "does not name $file"
done
expect 3 'dangling' key import keystore://default/no --in dangling
expect 3 'missing' key import keystore://default/no --in missing
# A pipe is read like a file; one that nobody writes to is waited for by its
# owner's wish, so it gets a writer here.
mkfifo fifo
cat binary >fifo &
rc=0
timeout 20 "$caadm" key import keystore://default/no --in fifo >out 2>err \
    </dev/null || rc=$?
kill $! 2>/dev/null || true
case $rc in
2 | 4 | 5) grep -q fifo err || fail "does not name fifo" ;;
*) fail "exit $rc: key import --in fifo" ;;
esac
expect 1 'rsa-key.*(taken|exists)' key import keystore://default/rsa-key \
    --in p256.key
find pki -type f ! -name '*.db*' | sort >after
diff before after || fail "something was made"
expect 3 '' key show keystore://default/no

# What stays inside does not go out, and nothing is deleted unasked.
expect 0 '' key import keystore://inside/k --in p256.key
expect 0 '' key test keystore://inside/k
expect 4 'keystore://inside/k' key export keystore://inside/k --out gone --plain
[ ! -e gone ] || fail "a key came out"
expect 1 '(--yes|terminal)' key delete keystore://inside/k
expect 0 '' key test keystore://inside/k
expect 0 '' key delete keystore://inside/k --yes
expect 3 'keystore://inside/k' key test keystore://inside/k
exit $failed
