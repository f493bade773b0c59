#!/bin/bash
# What a CA must not do is refused: exit code 1, a reason, no file, no row
# that counts as issued. And what a request must not decide is dropped, and
# shown.
. "$(dirname "$0")/lib.sh"

keystore_home "$T/pki"
openssl_cnf "$T/openssl.cnf" default keystore
openssl_cnf "$T/plain.cnf" default
export OPENSSL_CONF=$T/plain.cnf

# csr NAME ARGUMENT...: NAME.csr and its key, by openssl.
csr()
{
    local name=$1

    shift
    openssl req -new -nodes -keyout "$name.key" -subj "/CN=$name" \
        -out "$name.csr" "$@" 2>/dev/null
}
EC=(-newkey ec -pkeyopt ec_paramgen_curve:P-256)
csr good "${EC[@]}"
csr wants-ca "${EC[@]}" -addext basicConstraints=critical,CA:TRUE \
    -addext keyUsage=keyCertSign,digitalSignature \
    -addext subjectAltName=DNS:asked.example.com \
    -addext nameConstraints=permitted\;DNS:com
csr rsa1024 -newkey rsa:1024
csr p192 -newkey ec -pkeyopt ec_paramgen_curve:prime192v1

export OPENSSL_CONF=$T/openssl.cnf
issued()
{
    caadm cert list --ca "$1" --json | jq '[.. | .serial? // empty] | length'
}

# refused WHY COMMAND...: exit 1, a reason that matches WHY, nothing issued.
refused()
{
    local why=$1 before

    shift
    before=$(issued issuing)
    expect_exit 1 "$@" --out refused.pem
    expect_stderr_has "caadm: error: .*"
    expect_stderr_has "$why"
    [ ! -e refused.pem ] || fail "a file for what was refused"
    [ ! -s out ] || fail "output for what was refused"
    expect_equal "issued" "$(issued issuing)" "$before"
}
ISSUE=(caadm cert issue --ca issuing --profile server --san a.example.com)

expect_ok caadm ca create root --subject CN=root --days 400
expect_ok caadm ca create issuing --parent root --subject CN=issuing \
    --days 300 --path-length 0 --permit-name dns:example.com \
    --exclude-name dns:no.example.com
expect_ok "${ISSUE[@]}" --csr good.csr --days 30 --out good.pem

title "time"
refused 'outliv|ends? (before|on)|longer|until' "${ISSUE[@]}" --csr good.csr \
    --days 301
expect_ok "${ISSUE[@]}" --csr good.csr --days 301 --clamp --out clamp.pem
expect_ok caadm ca show issuing --format pem --out issuing.pem
expect_equal "the end of a clamped certificate" \
    "$(openssl x509 -in clamp.pem -noout -enddate)" \
    "$(openssl x509 -in issuing.pem -noout -enddate)"
ago()
{
    date -u -d "-$1 hours" +%Y-%m-%dT%H:%M:%SZ
}
refused 'begin|back' "${ISSUE[@]}" --csr good.csr --from "$(ago 49)"
expect_exit 1 caadm ca create older --subject CN=older --from "$(ago 49)"
expect_stderr_has 'back|48'
expect_ok caadm ca create old --subject CN=old --from "$(ago 47)" --days 400
expect_ok caadm cert issue --ca old --profile server --san a.example.com \
    --csr good.csr --from "$(ago 23)" --days 30 --out back.pem
expect_exit 1 caadm cert issue --ca old --profile server --san a.example.com \
    --csr good.csr --from "$(ago 48)" --days 30 --out back.pem
expect_exit 1 caadm ca create too-long --parent root --subject CN=long \
    --days 401
expect_stderr_has 'outliv|ends? (before|on)|longer|until'
expect_ok caadm ca create brief --subject CN=brief --until \
    "$(date -u -d '+4 seconds' +%Y-%m-%dT%H:%M:%SZ)"
BRIEF=$SECONDS

title "place"
expect_exit 1 caadm ca create deeper --parent issuing --subject CN=deeper \
    --days 100
expect_stderr_has 'path'
expect_exit 3 caadm ca show deeper
expect_ok caadm key list
! grep -q deeper out || fail "a key of a CA that was refused"
pass
for san in www.example.org no.example.com x.no.example.com; do
    refused 'constraint' caadm cert issue --ca issuing --profile server \
        --csr good.csr --san "$san"
    expect_stderr_has "$san"
done
# A subject that looks like a host counts as a name, too.
refused 'constraint|alternative' "${ISSUE[@]}" --csr good.csr --subject CN=www.example.org
refused 'constraint' caadm cert issue --ca issuing --profile server \
    --san www.example.org --new-key keystore://default/refused
expect_exit 3 caadm key show keystore://default/refused

title "requests"
refused 'weak|1024|2048|short' "${ISSUE[@]}" --csr rsa1024.csr
refused 'weak|192|curve|strength|short' "${ISSUE[@]}" --csr p192.csr
openssl req -in good.csr -outform DER -out good.der
size=$(stat -c %s good.der)
head -c $((size - 1)) good.der >bad.der
tail -c 1 good.der | tr '\000-\377' '\001-\377\000' >>bad.der
refused 'signature' "${ISSUE[@]}" --csr bad.der
# An exponent of 65536: even, so no RSA key at all.
OPENSSL_CONF=$T/plain.cnf openssl req -new -newkey rsa:2048 -nodes -keyout \
    even.key -subj /CN=even -outform DER -out rsa.der 2>/dev/null
xxd -p rsa.der | tr -d '\n' | sed 's/0203010001/0203010000/' | xxd -r -p \
    >even.der
! cmp -s rsa.der even.der || fail "no exponent found"
refused 'exponent is even' "${ISSUE[@]}" --csr even.der
# Of the CA's own key.
expect_ok openssl req -new -key keystore://default/issuing -subj /CN=ca \
    -out own.csr
refused 'key' "${ISSUE[@]}" --csr own.csr
(cat good.der && printf x) >trailing.der
run "${ISSUE[@]}" --csr trailing.der --out refused.pem
case $RC in
1 | 2) expect_stderr_has 'trailing|after' ;;
*) fail "trailing data: exit $RC" ;;
esac
[ ! -e refused.pem ] || fail "a file for what was refused"
expect_ok "${ISSUE[@]}" --csr wants-ca.csr --out dropped.pem
expect_stderr_has 'basicConstraints'
expect_stderr_has 'nameConstraints'
expect_stderr_has 'subjectAltName|asked.example.com'
expect_ok openssl x509 -in dropped.pem -noout -text
! grep -qE 'CA:TRUE|Certificate Sign|Name Constraints|asked.example' out ||
    fail "what was to be dropped is there"
pass
for what in basicConstraints nameConstraints authorityKeyIdentifier \
    authorityInfoAccess crlDistributionPoints; do
    run "${ISSUE[@]}" --csr wants-ca.csr --copy "$what" --out refused.pem
    case $RC in
    1 | 2) expect_stderr_has "$what" ;;
    *) fail "--copy $what: exit $RC" ;;
    esac
    [ ! -e refused.pem ] || fail "a file for what was refused"
done
expect_ok "${ISSUE[@]}" --csr wants-ca.csr --copy subjectAltName --out copy.pem
expect_ok openssl x509 -in copy.pem -noout -ext subjectAltName
expect_stdout_has 'asked.example.com'

title "names that are taken, things that are not there"
expect_exit 1 caadm ca create root --subject CN=again --days 10
expect_stderr_has 'root'
expect_exit 1 caadm cert issue --ca issuing --profile server --san \
    a.example.com --new-key keystore://default/root --out refused.pem
expect_stderr_has 'keystore://default/root'
expect_exit 3 caadm cert issue --ca nobody --profile server --san a.b \
    --csr good.csr
expect_exit 3 caadm cert issue --ca issuing --profile nothing --san a.b \
    --csr good.csr
expect_exit 3 caadm cert issue --ca issuing --profile server --san a.b \
    --csr nothing.csr
expect_exit 2 caadm cert issue --ca issuing --profile server --san a.b
expect_exit 2 caadm cert issue --ca issuing --frobnicate
expect_exit 2 caadm frobnicate

title "nothing is overwritten"
cp good.pem before.pem
run "${ISSUE[@]}" --csr good.csr --out good.pem
[ "$RC" -ne 0 ] || fail "good.pem was overwritten"
expect_stderr_has 'good.pem'
expect_same good.pem before.pem
expect_ok "${ISSUE[@]}" --csr good.csr --out good.pem --force

title "a key that is not the CA's"
expect_ok caadm ca create swapped --subject CN=swapped --days 100
expect_ok caadm key create keystore://default/other --key-type ec:P-256
for file in pki/keys/*other*; do
    cp "$file" "${file/other/swapped}"
done
expect_exit 1 caadm cert issue --ca swapped --profile server --san a.b \
    --csr good.csr --out refused.pem
expect_stderr_has 'key'
[ ! -e refused.pem ] || fail "a file for what was refused"

title "a CA that has expired"
while [ $((SECONDS - BRIEF)) -lt 6 ]; do
    sleep 0.2
done
expect_exit 1 caadm cert issue --ca brief --profile server --san a.b \
    --csr good.csr --out refused.pem
expect_stderr_has 'expired'
