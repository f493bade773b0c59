#!/bin/bash
# The example at the end of each command's help works as it stands, in the
# order in which a person would come to them.
#   examples.sh CAADM
set -euo pipefail
caadm=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
umask 077
PATH=$(dirname "$caadm"):$PATH
export PATH HOME=$work CAADM_HOME=$work/pki OPENSSL_CONF=/dev/null
unset CAADM_CONFIG XDG_CONFIG_HOME
echo secret >pw.txt
echo another >new.txt
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout old.key -subj /CN=host -out host.csr 2>/dev/null
: >tried

# example NOUN VERB [MORE]: with MORE behind it.
example() {
    local line

    line=$("$caadm" help $1 | sed '1,/^Example:/d; s/^  //')
    echo "$1" >>tried
    (eval "$line ${2-}") >out 2>err </dev/null ||
        { echo "examples: exit $?: $line: $(cat err)" >&2 && exit 1; }
}

example init
example "ca create"
caadm --quiet ca create issuing --parent root --subject CN=issuing \
    --out issuing.pem
caadm --quiet cert issue --ca issuing --san www.example.com \
    --new-key keystore://default/served --out served.pem
example "cert issue"
openssl x509 -in host.pem -noout
for name in "ca list" "ca show" "cert list" "cert show" "key create" \
    "key import" "key list" "key show" "key test" "key uri" "key export" \
    "backend list" "backend check" "profile list" "profile show" "key passwd"
do
    example "$name"
done
example "key reseal" "--passin file:new.txt"
caadm --quiet cert issue --ca issuing --san www.example.com \
    --key keystore://default/www --out www.pem
example "key cert"
mkdir tokens
echo "directories.tokendir = $work/tokens" >softhsm2.conf
export SOFTHSM2_CONF=$work/softhsm2.conf
echo 12345678 >so.pin
echo 1234 >user.pin
cat >>pki/caadm.conf <<CONF
[backend hsm]
type = pkcs11
module = $(ls /usr/lib/softhsm/libsofthsm2.so \
    /usr/lib/*/softhsm/libsofthsm2.so 2>/dev/null | head -1)
token = examples
user_pin = file:$work/user.pin
CONF
example "backend init"
example "key delete" --yes # a person is asked
caadm --quiet key create keystore://default/www
example "key move"
example doctor
caadm --list-commands | sed 's/ *--.*//; /^caadm$/d' | sort >commands
sort tried | diff - commands
