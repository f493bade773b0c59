#!/bin/bash
# With --json every command writes one JSON object of a known version to
# standard output, whether it works or fails; and --dry-run makes nothing.
#   json.sh CAADM
set -euo pipefail
caadm=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
umask 077
export HOME=$work CAADM_HOME=$work/pki OPENSSL_CONF=/dev/null LC_ALL=C
unset CAADM_CONFIG XDG_CONFIG_HOME
failed=0
: >tried

fail() {
    echo "json: $*: $(head -c 600 out) $(cat err)" >&2
    failed=1
}

# json CODE FILTER COMMAND...: FILTER is true of the object.
json() {
    local rc=0 want=$1 filter=$2

    shift 2
    "$caadm" "$@" --json >out 2>err </dev/null || rc=$?
    [ "$rc" -eq "$want" ] || fail "exit $rc, not $want: $*"
    jq -s -e 'length == 1 and (.[0] | type == "object" and .version == 1)' \
        out >/dev/null || fail "no JSON object: $*"
    jq -e "$filter" out >/dev/null || fail "not $filter: $*"
    echo "$1 ${2-}" >>tried
}

echo secret >pw.txt
json 0 '.init.home' init --passphrase file:pw.txt
echo 'kdf = scrypt:1024:8:1' >>pki/caadm.conf # of default, which is last
K=keystore://default/k
openssl genpkey -algorithm ED25519 -out old.key
json 0 '.issued.dry_run and .issued.serial == null' ca create root \
    --subject CN=root --dry-run
json 3 '.error.exit == 3' ca show root
json 0 '.issued.pem | startswith("-----BEGIN CERT")' ca create root \
    --subject CN=root
json 0 '.issued.dry_run' ca create sub --parent root --subject CN=sub --dry-run
json 0 '.issued.dry_run' cert issue --ca root --san a.example \
    --backend default --dry-run --out never.pem
json 0 '.certs | length == 1' cert list
json 0 '.keys | length == 1' key list
[ ! -e never.pem ] || fail "a file by --dry-run"
json 0 '.issued.key_uri == "keystore://default/a.example"' cert issue \
    --ca root --san a.example --backend default
json 0 '.issued.file == "b.pem" and (.issued.pem // "" | contains("PRIV")
    | not)' cert issue --ca root --san b.example --new-key \
    keystore://default/b --out b.pem
openssl x509 -in b.pem -noout
json 0 '.certs | length == 3 and all(.serial | length >= 32)' cert list
serial=$(jq -r '.certs[0].serial' out)
json 0 ".cert.serial == \"$serial\"" cert show "${serial:0:6}"
json 0 ".cert.serial == \"$serial\"" cert show b.example
json 0 '.certificate' cert show b.example --format pem
json 3 '.error.kind == "not-found"' cert show 000000
json 0 '.cas[0].name == "root"' ca list
json 0 '.ca.is_ca' ca show root
json 0 '.certificate' ca show root --format pem
json 0 ".key.uri == \"$K\"" key create $K --key-type ed25519
json 0 '.key.type == "ed25519"' key import keystore://default/i --in old.key
json 0 '.keys | length == 5' key list
json 0 '.key.public_key' key show $K
json 0 '.key.public_key' key show $K --format pem
json 0 '.key.public_key' key show $K --out k.pub
openssl pkey -pubin -in k.pub -noout
json 0 '.works' key test $K
json 0 '.pem | startswith("-----BEGIN PKCS#11 PROVIDER URI-----\n")' \
    key uri $K
json 0 '.file == "k.uri"' key uri $K --out k.uri
jq -j .pem out | cmp - k.uri || fail "another file"
json 0 '.file == "k.out"' key export $K --out k.out --passout file:pw.txt
openssl pkey -in k.out -passin file:pw.txt -noout
json 2 '.error.exit == 2' key export $K --out - --plain
! grep -q 'BEGIN' out || fail "a private key in JSON"
json 0 '.resealed' key passwd $K --passout file:pw.txt
json 0 '.resealed == 0 and .current == 1 and .failed == 0' \
    key reseal $K --passin file:pw.txt
json 4 '.failed == 5 and (.errors | length) == 5' key reseal \
    keystore://default/ --passin file:old.key --passout file:old.key
json 0 '.resealed == 0 and .current == 5' key reseal keystore://default/
json 0 '.certificates == []' key cert $K
json 0 '.key.certificates == [] and .key.sealing.sealing == "passphrase"' \
    key show $K
json 2 '.error.exit == 2' key cert $K --in b.pem
json 0 ".moved.to == \"$K-2\" and .moved.cas == 0" key move $K $K-2
json 0 '.moved.certs == 0' key move $K-2 $K
json 0 '.deleted' key delete $K --yes
json 0 '.backends[0].name == "default"' backend list
json 0 '.backends[0] | .keys == 4 and .status == "ok"' backend check
json 3 '.error' backend check nobody
json 0 '.backends[0] | .facts == {} and .messages == []' backend check default
json 3 '.error' backend init nobody
json 2 '.error.text | contains("type file")' backend init default
json 0 '[.profiles[].name] | contains(["server", "client", "peer", "email",
    "codesign", "ocsp", "timestamp", "ca"])' profile list
json 0 '.profile.name == "ocsp"' profile show ocsp
json 3 '.error.text | contains("nothing")' profile show nothing
json 0 '.checks | all(.status == "ok")' doctor
chmod 755 pki/keys
json 6 '.checks | any(.status != "ok")' doctor
json 5 '.error.exit == 5' key test keystore://default/i
chmod 700 pki/keys
json 2 '.error.kind == "usage"' cert issue --frobnicate
json 2 '.error.kind == "usage"' frobnicate
json 1 '.error.exit == 1' ca create root --subject CN=root
json 4 '.error.exit == 4' key test keystore://default/i --passin file:old.key

"$caadm" --list-commands | sed 's/ *--.*//; /^caadm$/d' | sort >commands
sed 's/ --.*//; s/ $//' tried | sort -u >said
comm -23 commands said >untried
[ ! -s untried ] || fail "untried: $(cat untried)"

# Without --json a list is lines of cells, in a pipe.
"$caadm" key list >out 2>err
[ "$(grep -c $'^keystore://default/[^\t]*\t' out)" -eq 4 ] || fail "no cells"
exit $failed
