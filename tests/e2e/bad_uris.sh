#!/bin/bash
# Malformed URIs, configurations and command lines: the fault is named, the
# code is 2 (3 for what is well-formed and not there), nothing is taken for
# the name of a file, and a pin-value is never shown.
. "$(dirname "$0")/lib.sh"

LIMIT=20
keystore_home "$T/pki"
openssl_cnf "$T/openssl.cnf" default keystore
expect_ok caadm key create keystore://default/k --key-type ec:P-256
expect_ok caadm key create keystore://ask/sealed --key-type ec:P-256 \
    --passout file:pw.txt
expect_ok caadm ca create root --subject CN=root --days 900

# code of caadm | URI
x255=$(printf 'x%.0s' $(seq 255))
URIS="
2|keystore:
2|keystore:/
2|keystore:k
2|keystore:default/k
2|keystore://
2|keystore:///
2|keystore://default
2|keystore://default/k%
2|keystore://default/k%2
2|keystore://default/k%zz
2|keystore://default/k%00
2|keystore://default/k%0a
2|keystore://default/k%7f
2|keystore://default/k%ff
2|keystore://default/k%c3
2|keystore://default/k%ed%a0%80
2|keystore://default/k%c0%af
2|keystore://default/${x255}x
2|keystore://user@default/k
2|keystore://user:secret@default/k
2|keystore://default:80/k
2|keystore://[::1]/k
2|keystore://default/k#part
2|keystore://default/k?
2|keystore://default/k?frob=1
2|keystore://default/k?type
2|keystore://default/k?type=frob
2|keystore://default/k?type=private&type=private
2|keystore://default/k?pin-value=$PASSPHRASE&pin-value=$PASSPHRASE
2|keystore://default/k?pin-value=$PASSPHRASE&frob=1
2|keystore://default/k?pin-value=$PASSPHRASE%zz
2|keystore://default/k?pin-source=frob:x
2|keystore://def ault/k
2|keystore://default/$(printf 'y%.0s' $(seq 5000))
2|keystores://default/k
2|frob://default/k
2|k
3|keystore://nobody/k
3|keystore://default/nothing
3|keystore://default/$x255
3|keystore://default/..%2fcaadm.conf
3|keystore://default/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd
3|keystore://default/.
3|keystore://default/..
3|keystore://default/k.pem
3|keystore://default/.lock
"

# Names in the working directory that a program might take them for.
: >k
: >keystore:k
mkdir -p 'keystore:/default' frob:

while IFS='|' read -r code uri; do
    [ -n "$code" ] || continue
    expect_exit "$code" caadm key test "$uri"
    expect_stderr_has 'caadm: error: .'
    expect_no_secret
    expect_fail openssl pkey -in "$uri" -noout
    sed -i '/^Could not /d' err # openssl itself repeats its arguments
    expect_no_secret
    # A listing has no key in it, which is openssl's to say.
    case $uri in
    keystore:// | keystore:/// | keystore://default) ;;
    keystore://*) expect_stderr_has 'keystore' ;;
    esac
    # Nothing is made by that name either.
    case $code.$uri in
    2.keystore*)
        expect_exit 2 caadm key create "$uri" --key-type ed25519
        expect_fail openssl genpkey -propquery provider=keystore -algorithm \
            ED25519 -pkeyopt "keystore-uri:$uri" -out made.pem
        sed -i '/^genpkey: /d' err # and here, too
        expect_no_secret
        [ ! -s made.pem ] || fail "something was made as $uri"
        ;;
    esac
done < <(echo "$URIS")
expect_exit 3 caadm key create keystore://nobody/new --key-type ed25519
expect_stderr_has 'nobody'
find . -newer k -name '*default*' -type f ! -path './pki/*' >strays
[ ! -s strays ] || fail "made: $(cat strays)"
expect_equal "keys" "$(find pki/keys -name '*.pem' | wc -l)" 3

title "names that are unusual and right"
number=0
for name in 'a/b' 'a b' '.hidden' 'x%y' "it's" 'naïve-ключ' '-dash' \
    "$x255" 'CON' 'a\b' '~' '*' 'k.pem' '%sha256-x'; do
    number=$((number + 1))
    encoded=$(printf '%s' "$name" | jq -sRr @uri)
    uri=keystore://default/$encoded
    expect_ok caadm key create "$uri" --key-type ed25519
    expect_ok openssl pkey -in "$uri" -noout
    expect_ok caadm key test "$uri"
done
expect_ok caadm key list --json
expect_equal "keys listed" "$(jq '[.. | .uri? // empty |
    select(startswith("keystore://default/"))] | length' out)" \
    $((number + 3))
for uri in $(jq -r '.. | .uri? // empty' out); do
    case $uri in
    keystore://default/sealed | keystore://ask/*) continue ;;
    esac
    expect_ok openssl pkey -in "$uri" -noout
done
[ -z "$(find pki/keys -mindepth 1 -type d)" ] || fail "a directory was made"
# In any case, and with what may follow.
for uri in KEYSTORE://default/k 'keystore:///k' 'keystore://default/%6b' \
    'keystore://default/k?type=private' \
    "keystore://ask/sealed?pin-source=file:$T/pw.txt" \
    "keystore://ask/sealed?pin-value=$PASSPHRASE"; do
    expect_ok openssl pkey -in "$uri" -noout
    expect_no_secret
done

title "configurations"
# A line that follows the good configuration | what the error names
CONFIGS='
frob = 1|frob
path = elsewhere|path
[backend default]|default
[backend]|backend
[backend a b]|backend
[backend x]|x
[backend x]\ntype = frob|type
[backend x]\ntype = file|path
[backend x]\ntype = file\npath = keys\ntype = file|type
[backend x]\ntype = file\npath = keys\nextractable = perhaps|extractable
[backend x]\ntype = file\npath = keys\nkdf = md5|kdf
[backend x]\ntype = file\npath = keys\nkdf = scrypt:1000:8:1|kdf
[backend x]\ntype = file\npath = keys\npassphrase = swordfish|passphrase
[backend x]\ntype = file\npath = keys\nsealing = perhaps|sealing
[backend x]\ntype = file\npath = keys\nfrob = 1|frob
[backend x]\ntype = /nowhere/backend.so\npath = keys|/nowhere/backend.so
[frob]\na = b|frob
[profile p]\ndays = many|days
[profile p]\nkeyUsage = frobnication|keyUsage
[profile p]\nfrob = 1|frob
[caadm]|caadm
[caadm\ndatabase = x|caadm
no equals sign|equals
'
cp pki/caadm.conf good.conf
while IFS='|' read -r lines names; do
    [ -n "$lines" ] || continue
    printf "%b\n" "$lines" | cat good.conf - >pki/caadm.conf
    use=(caadm key test keystore://default/k)
    case $lines in
    *profile*) use=(caadm profile list) ;;
    *type\ =\ */* | *type\ =\ file) use=(caadm backend check x) ;;
    esac
    run "${use[@]}"
    case $RC in
    2 | 3 | 5) expect_stderr_has 'caadm.conf' ;;
    6) expect_stderr_has 'backend check' ;;
    *) fail "$lines: exit $RC" ;;
    esac
    [ "$names" = equals ] || expect_stderr_has "$names"
    expect_no_secret
    # openssl is told as well; default's keys are not touched by it.
    case $lines in
    *profile* | *type\ =\ */* | *type\ =\ file) ;;
    *)
        expect_fail openssl pkey -in keystore://default/k -noout
        expect_stderr_has 'caadm.conf'
        ;;
    esac
    expect_ok openssl genpkey -algorithm ED25519
    run caadm doctor
    [ "$RC" -ne 0 ] || fail "doctor accepts: $lines"
done < <(echo "$CONFIGS")

# special WHAT: what is in its place now is refused, whatever it is.
special()
{
    run caadm key test keystore://default/k
    [ "$RC" -ne 0 ] || fail "$1 is taken as a configuration"
    [ "$RC" -lt 124 ] || fail "$1 as a configuration: exit $RC"
    expect_stderr_has 'caadm.conf'
    expect_fail openssl pkey -in keystore://default/k -noout
    expect_ok openssl genpkey -algorithm ED25519
    rm -rf pki/caadm.conf
}
rm pki/caadm.conf
expect_exit 3 caadm key test keystore://default/k
expect_stderr_has 'caadm.conf'
expect_stderr_has 'hint: .*caadm init'
mkdir pki/caadm.conf
special "a directory"
mkfifo pki/caadm.conf
special "a FIFO"
truncate -s 1G pki/caadm.conf
special "1 GiB"
head -c 4096 /dev/urandom >pki/caadm.conf
special "random bytes"
cp good.conf pki/caadm.conf
chmod 666 pki/caadm.conf
special "a file that others may write"
cp good.conf pki/caadm.conf
chmod 600 pki/caadm.conf
expect_ok caadm key test keystore://default/k

title "requests"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout leaf.key -subj /CN=leaf -out good.csr 2>/dev/null
before=$(sqlite3 pki/caadm.db 'select count(*) from cert')
mkdir dir.csr
mkfifo fifo.csr
: >empty.csr
truncate -s 1G big.csr
head -c 3000 /dev/urandom >random.csr
head -c 200 good.csr >truncated.csr
cat good.csr good.csr >two.csr
cp leaf.key key.csr
caadm ca show root --format pem --out cert.csr
(cat good.csr && echo something else) >tail.csr
for what in dir empty big random truncated key cert two; do
    run caadm cert issue --ca root --san a.b --csr $what.csr --out no.pem
    case $RC in
    1 | 2 | 5) ;;
    *) fail "$what.csr: exit $RC" ;;
    esac
    expect_stderr_has "$what.csr"
    [ ! -e no.pem ] || fail "$what.csr: a certificate"
done
# A FIFO is a pipe to a caadm that is told to read one; nothing comes.
LIMIT=5 run caadm cert issue --ca root --san a.b --csr fifo.csr --out no.pem
case $RC in
1 | 2 | 5) expect_stderr_has 'fifo.csr' ;;
*) fail "fifo.csr: exit $RC" ;;
esac
expect_equal "certificates" \
    "$(sqlite3 pki/caadm.db 'select count(*) from cert where state < 4')" \
    "$before"

title "places to write to"
for out in dir.csr nowhere/a.pem /dev/full; do
    run caadm cert issue --ca root --san a.b --csr good.csr --out $out
    [ "$RC" -ne 0 ] || fail "--out $out worked"
    [ "$RC" -lt 124 ] || fail "--out $out: exit $RC"
    expect_stderr_has "$out"
done
RC=0
caadm cert issue --ca root --san a.b --csr good.csr >/dev/full 2>err || RC=$?
[ "$RC" -eq 5 ] || fail "a full stdout: exit $RC"
