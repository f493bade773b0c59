#!/bin/bash
# Several backends at once: the configuration that docs/django-ca.md gives for
# a django-ca with all of its backends works as it stands; commands choose
# among them; and one that is broken disturbs those only that use it.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

DOC=$HERE/../../docs/django-ca.md
BACKENDS="default hsm db ocsp ocsp-db"

# doc_block LANGUAGE: the first block of it.
doc_block()
{
    awk -v want="\`\`\`$1" '/^```/ { inside = 0 }
        inside
        $0 == want && !done { inside = 1; done = 1 }' "$DOC"
}

title "the configuration of the table"
mkdir -m 700 "$T/pki" "$T/pki/secret"
export CAADM_HOME=$T/pki
cp "$T/pw.txt" "$T/pki/secret/default"
cp "$T/pin.txt" "$T/pki/secret/hsm.pin"
doc_block ini | sed "s|^module = .*|module = $HSM_MODULE|" >"$T/pki/caadm.conf"
softhsm_home
softhsm_token my_token_label
openssl_cnf "$OPENSSL_CONF" default keystore
expect_ok caadm backend list
for name in $BACKENDS; do
    expect_stdout_has "^$name\b"
done
doc_block sh >"$T/kek.sh"
expect_ok bash -e "$T/kek.sh"

title "a CA in each, which issues for a key in the next"
next=hsm
for name in $BACKENDS; do
    expect_ok caadm ca create "ca-$name" --backend "$name" \
        --subject "CN=CA in $name" --days 3650
    expect_no_secret
    expect_ok caadm cert issue --ca "ca-$name" --profile server \
        --san "$name.example.com" --new-key "keystore://$next/www-$name" \
        --out "$T/$name.pem"
    expect_ok openssl pkey -in "keystore://$next/www-$name" -pubout \
        -out "$T/key.pub"
    expect_ok openssl x509 -in "$T/$name.pem" -noout -pubkey
    expect_same "$T/out" "$T/key.pub"
    case $next in
    hsm) next=db ;;
    db) next=ocsp ;;
    ocsp) next=ocsp-db ;;
    *) next=default ;;
    esac
done

title "without a choice it is the default"
expect_ok caadm ca create plain --subject "CN=Plain" --days 30
expect_ok caadm ca show plain
expect_stdout_has 'keystore://default/plain'

title "nothing of a key in a database is in clear"
for file in keys.db ocsp.db caadm.db; do
    [ -s "$T/pki/$file" ] || fail "no $file"
    # "PRIVATE KEY", and the start of a PrivateKeyInfo of a P-256 key.
    ! grep -qaE 'BEGIN (EC )?PRIVATE KEY' "$T/pki/$file" || fail "$file: PEM"
    pass
done
python3 - "$T/pki" <<'PYTHON' || fail "a key in clear"
import pathlib, sys
clear = bytes.fromhex("020100301306072a8648ce3d0201")
for file in pathlib.Path(sys.argv[1]).rglob("*"):
    if file.is_file() and clear in file.read_bytes():
        sys.exit(f"{file}: a PrivateKeyInfo")
PYTHON
pass

# broken NAME WORD, a backend that does not work now, and what it is known by:
# nobody who uses another one notices, whoever uses it is told.
broken()
{
    local name

    for name in $BACKENDS; do
        # db is sealed to a key on the token
        if [ "$name" = "$1" ] || [ "$1-$name" = hsm-db ]; then
            expect_fail caadm cert issue --ca "ca-$name" --profile server \
                --san x.example.com --csr "$T/x.csr" --out "$T/x.pem"
            expect_no_secret
            [ ! -e "$T/x.pem" ] || fail "a certificate without a CA key"
        else
            expect_ok caadm cert issue --ca "ca-$name" --profile server \
                --san x.example.com --csr "$T/x.csr" --out "$T/x.pem"
            rm "$T/x.pem"
            expect_ok caadm key list "keystore://$name/"
        fi
    done
    expect_ok caadm ca list
    expect_ok caadm cert list
    expect_ok caadm profile list
    expect_ok caadm backend list
    expect_stdout_has "^$1\b"
    run caadm key list
    [ "$RC" -ne 0 ] || fail "key list hides that $1 is broken"
    expect_stderr_has "$2"
    for name in $BACKENDS; do
        [ "$name" = "$1" ] || expect_stdout_has "keystore://$name/ca-$name"
    done
    run caadm doctor
    [ "$RC" -ne 0 ] || fail "doctor does not see that $1 is broken"
    grep -q "$1" "$T/out" "$T/err" || fail "doctor does not name $1"
    pass
}

expect_ok openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$T/x.key" -subj /CN=x.example.com -out "$T/x.csr"

title "the token is away"
mv "$T/softhsm/tokens" "$T/softhsm/gone"
mkdir "$T/softhsm/tokens"
broken hsm my_token_label
rmdir "$T/softhsm/tokens"
mv "$T/softhsm/gone" "$T/softhsm/tokens"

title "a database is none"
mv "$T/pki/ocsp.db" "$T/pki/ocsp.db.gone"
echo "not a database, but a text of some length" >"$T/pki/ocsp.db"
chmod 600 "$T/pki/ocsp.db"
rm -f "$T/pki/ocsp.db-wal" "$T/pki/ocsp.db-shm"
broken ocsp-db /ocsp.db
mv "$T/pki/ocsp.db.gone" "$T/pki/ocsp.db"

title "a directory is a file"
mv "$T/pki/ocsp" "$T/pki/ocsp.gone"
echo "not a directory" >"$T/pki/ocsp"
broken ocsp /ocsp
rm "$T/pki/ocsp"
mv "$T/pki/ocsp.gone" "$T/pki/ocsp"

title "all is well again"
expect_ok caadm key list
