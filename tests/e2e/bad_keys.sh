#!/bin/bash
# Key files that are damaged, or no files at all: an error that names the key
# or its file, exit code 4 (5 where the file's mode is the fault), no hang, no
# secret shown; the other keys go on working, and nothing is changed.
. "$(dirname "$0")/lib.sh"

LIMIT=20
keystore_home "$T/pki"
openssl_cnf "$T/openssl.cnf" default keystore
for key in good victim other; do
    expect_ok caadm key create keystore://default/$key --key-type ec:P-256
done
expect_ok caadm key create keystore://default/rsa --key-type rsa:2048
cp -a pki base
FILE=pki/keys/victim.pem

restore()
{
    rm -rf pki
    cp -a base pki
}

# refused CODE WHAT: by caadm with CODE, by openssl, both name the key; it is
# the only one that does not work.
refused()
{
    expect_exit "$1" caadm key test keystore://default/victim
    expect_stderr_has 'caadm: error: .*victim'
    expect_no_secret
    expect_fail openssl pkey -in keystore://default/victim -noout
    expect_stderr_has 'keystore.*victim'
    expect_no_secret
    expect_ok openssl pkey -in keystore://default/good -noout
    run caadm key list
    [ "$RC" -lt 124 ] || fail "key list with $2: exit $RC"
    expect_stdout_has 'keystore://default/good'
    expect_stdout_has 'keystore://default/other'
    run caadm doctor
    case $RC in
    0) fail "doctor finds nothing wrong with $2" ;;
    12[4-9] | 1[3-9]?) fail "doctor died ($RC) of $2" ;;
    esac
    expect_no_secret
    # What is damaged is not overwritten either.
    run caadm key create keystore://default/victim --key-type ec:P-256
    [ "$RC" -ne 0 ] || fail "overwrote $2"
    pass
    title "$2"
    restore
}

# In a damaged file that is read in part, each of its lengths.
size=$(stat -c %s "$FILE")
for keep in 0 1 20 $((size / 2)) $((size - 40)); do
    truncate -s "$keep" "$FILE"
    refused 4 "a file of $keep bytes"
done
truncate -s 1G "$FILE"
refused 4 "a sparse file of 1 GiB"
: >"$FILE"
truncate -s 1G "$FILE"
refused 4 "1 GiB of nothing"
head -c 4096 /dev/urandom >"$FILE"
refused 4 "random bytes"
head -c 2000 /dev/zero >"$FILE"
refused 4 "zeros"
openssl req -x509 -newkey rsa:2048 -nodes -keyout plain.pem -subj /CN=x \
    -out "$FILE" 2>/dev/null
refused 4 "a certificate"
openssl genpkey -genparam -algorithm EC -pkeyopt group:P-256 -out "$FILE"
refused 4 "parameters"

# One byte of the sealed part.
sealed=$(grep -n 'BEGIN ENCRYPTED' "$FILE" | cut -d: -f1)
awk -v at=$((sealed + 4)) 'NR == at { c = substr($0, 9, 1)
    $0 = substr($0, 1, 8) (c == "A" ? "B" : "A") substr($0, 10) } { print }' \
    base/keys/victim.pem >"$FILE"
run caadm key test keystore://default/victim
[ "$RC" -eq 4 ] || fail "a changed byte: exit $RC"
expect_no_secret
restore

# Somebody else's private half under this public half, and the reverse.
public()
{
    sed -n '/BEGIN PUBLIC/,/END PUBLIC/p' "base/keys/$1.pem"
}
private()
{
    sed -n '/BEGIN ENCRYPTED/,/END ENCRYPTED/p' "base/keys/$1.pem"
}
public other | cat - <(private victim) >mixed
grep -q 'BEGIN PUBLIC' mixed || fail "no public half in a key file"
for halves in "other victim" "victim other" "rsa victim" "victim rsa"; do
    sed -e '/BEGIN PUBLIC/,/END PUBLIC/d;/BEGIN ENCR/,/END ENCR/d' -e '/SHA256/d' \
        base/keys/victim.pem >head.txt
    cat head.txt <(public "${halves% *}") <(private "${halves#* }") >"$FILE"
    run caadm key test keystore://default/victim
    expect_equal "halves of $halves" "$RC" 4
    expect_stderr_has 'match|damaged|public'
    expect_fail openssl dgst -sha256 -sign keystore://default/victim lib
    restore
done
title "halves that do not belong together"

ln -sf good.pem "$FILE"
refused 5 "a symbolic link"
ln -sf /etc/shadow "$FILE"
refused 5 "a link to something else"
rm "$FILE"
ln -s nowhere "$FILE"
refused 5 "a link to nowhere"
rm "$FILE"
mkdir "$FILE"
refused 4 "a directory"
rm "$FILE"
mkfifo "$FILE"
refused 4 "a FIFO"
chmod 644 "$FILE"
refused 5 "a file that others may read"
chmod 620 "$FILE"
refused 5 "a file that others may write"

title "the directory"
chmod 755 pki/keys
expect_exit 5 caadm key test keystore://default/good
expect_stderr_has 'pki/keys'
expect_fail openssl pkey -in keystore://default/good -noout
expect_stderr_has 'pki/keys'
run caadm doctor
[ "$RC" -ne 0 ] || fail "doctor accepts a directory that others may read"
grep -q 'pki/keys' out err || fail "doctor does not name the directory"
restore
mv pki/keys pki/elsewhere
ln -s elsewhere pki/keys
expect_exit 5 caadm key test keystore://default/good
expect_stderr_has 'symbolic'
rm pki/keys
: >pki/keys
run caadm key test keystore://default/good
[ "$RC" -ne 0 ] || fail "a file in place of the directory"
expect_stderr_has 'pki/keys'
rm pki/keys
mkfifo pki/keys
run caadm key test keystore://default/good
[ "$RC" -ne 0 ] || fail "a FIFO in place of the directory"
[ "$RC" -lt 124 ] || fail "a FIFO in place of the directory: exit $RC"
expect_stderr_has 'pki/keys'
restore

title "what is not there"
expect_exit 3 caadm key test keystore://default/nothing
expect_stderr_has 'keystore://default/nothing'
expect_fail openssl pkey -in keystore://default/nothing -noout
expect_stderr_has 'keystore.*nothing'

title "secrets"
expect_exit 4 caadm key test keystore://ask/good --passin file:wrong.txt
expect_stderr_has 'wrong passphrase'
expect_exit 4 caadm key test keystore://ask/good
expect_stderr_has 'passphrase'
! grep -q 'wrong' err || fail "a missing secret is not a wrong one"
for source in file:nothing.txt env:NO_SUCH_VARIABLE fd:77 cred:nothing; do
    expect_exit 4 caadm key test keystore://ask/good --passin "$source"
    expect_stderr_has "${source%%:*}"
done
for source in frob:x passphrase file: env: fd:x; do
    expect_exit 2 caadm key test keystore://ask/good --passin "$source"
    expect_stderr_has 'passin|source'
done
expect_ok caadm key test keystore://ask/good --passin file:pw.txt
: >empty.txt
expect_exit 4 caadm key test keystore://ask/good --passin file:empty.txt
mkfifo fifo.txt
mkdir dir.txt
LIMIT=20 run caadm key test keystore://ask/good --passin file:dir.txt
[ "$RC" -eq 4 ] || [ "$RC" -eq 5 ] || fail "a directory as secret: $RC"
# A pipe is read by fd:, never opened by name: that could wait for ever.
expect_exit 4 caadm key test keystore://ask/good --passin file:fifo.txt
expect_stderr_has 'fifo.txt'
expect_ok bash -c 'caadm key test keystore://ask/good --passin fd:9 \
    9< <(cat pw.txt)'
truncate -s 1G big.txt
expect_exit 2 caadm key test keystore://ask/good --passin file:big.txt
expect_stderr_has 'big.txt'
head -c 2000 /dev/zero | tr '\0' x >long.txt
run caadm key test keystore://ask/good --passin file:long.txt
[ "$RC" -ne 0 ] || fail "a secret of 2000 bytes"
expect_stderr_has 'long'

title "nothing has changed"
expect_equal "changes" "$(diff -r base/keys pki/keys)" ""
