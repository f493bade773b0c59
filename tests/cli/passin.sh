#!/bin/bash
# --passin says where the secret of a key that is loaded comes from, before
# what its backend and its URI say; also of a CA's key that signs.
#   passin.sh CAADM
set -euo pipefail
caadm=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/cwd"
cd "$work/cwd"
umask 077
export HOME=$work CAADM_HOME=$work/pki OPENSSL_CONF=/dev/null
unset CAADM_CONFIG XDG_CONFIG_HOME
failed=0

# expect CODE COMMAND...
expect() {
    local rc=0 want=$1

    shift
    "$caadm" --quiet "$@" >../out 2>../err || rc=$?
    [ "$rc" -eq "$want" ] || {
        echo "passin: exit $rc, not $want: $*: $(cat ../err)" >&2
        failed=1
    }
    ! grep -q -e 'own-secret' ../out ../err || {
        echo "passin: shows the secret: $*" >&2
        failed=1
    }
}

echo configured >../pw.txt
echo own-secret >own.txt # found below the working directory
echo not-this-one >wrong.txt
expect 0 init --passphrase file:../pw.txt
expect 0 ca create root --subject CN=root --passout file:own.txt --out ../r.pem
expect 4 cert issue --ca root --san a.b --new-key keystore://default/no
expect 0 cert issue --ca root --san a.b --new-key keystore://default/a \
    --passin file:own.txt
expect 4 cert issue --ca root --san a.b --new-key keystore://default/no \
    --passin file:wrong.txt
expect 0 cert issue --ca root --san a.b --new-key keystore://default/b \
    --passin stdin <own.txt
expect 0 cert issue --ca root --san a.b --new-key keystore://default/c \
    --passin fd:9 9<own.txt
expect 4 cert issue --ca root --san a.b --new-key keystore://default/no \
    --passin fd:9 9>&-
expect 0 ca create sub --parent root --subject CN=sub --passin file:own.txt
expect 0 key create keystore://default/own --passout file:own.txt
# Two keys are loaded, standard input is read once.
expect 0 ca create sub2 --parent root --subject CN=sub2 --passin stdin \
    --key keystore://default/own <own.txt
# The configured passphrase is not tried, and that of the URI is not either.
expect 4 key test keystore://default/a --passin file:own.txt
expect 0 key test keystore://default/own --passin file:own.txt
expect 0 key test 'keystore://default/own?pin-source=file:wrong.txt' \
    --passin file:own.txt
expect 4 key test 'keystore://default/own?pin-source=file:own.txt' \
    --passin file:wrong.txt
expect 0 key export keystore://default/own --out - --passin file:own.txt \
    --passout file:wrong.txt
# The secret's line first, then the request.
expect 0 key export keystore://default/a --out ../a.key --plain
openssl req -new -key ../a.key -subj /CN=a -out ../a.csr
cat own.txt ../a.csr >../both
expect 0 cert issue --ca root --san a.b --csr - --passin stdin <../both
expect 2 cert issue --ca root --san a.b --csr ../a.csr --passin nowhere
exit $failed
