#!/bin/bash
# 8 processes issue 50 certificates each, all at once: 400 certificates, 400
# rows, 400 serials, and an audit log without a gap.
. "$(dirname "$0")/lib.sh"

keystore_home "$T/pki"
openssl_cnf "$T/openssl.cnf" default keystore
expect_ok caadm ca create root --subject CN=root --key-type ec:P-256 --days 900
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout leaf.key -subj /CN=leaf -out leaf.csr 2>/dev/null

# worker N: 50 certificates; every tenth has a new key of its own.
worker()
{
    local i

    for i in $(seq 50); do
        if [ $((i % 10)) -eq 0 ]; then
            caadm cert issue --ca root --profile server --days 9 \
                --san "w$1-$i.example" --new-key "keystore://default/w$1-$i" \
                --out "w$1-$i.pem"
        else
            caadm cert issue --ca root --profile server --days 9 \
                --san "w$1-$i.example" --csr leaf.csr --out "w$1-$i.pem"
        fi || return 1
    done
}

title "8 at once"
pids=()
for n in 1 2 3 4 5 6 7 8; do
    worker "$n" 2>"worker$n.err" &
    pids+=("$!")
done
for n in 1 2 3 4 5 6 7 8; do
    wait "${pids[n - 1]}" || fail "worker $n: $(tail -5 "worker$n.err")"
    pass
done

title "what is there"
expect_ok caadm ca show root --format pem --out root.pem
for file in w*.pem; do
    openssl x509 -in "$file" -noout -serial
done >serials
expect_equal "certificates" "$(find . -maxdepth 1 -name 'w*.pem' | wc -l)" 400
expect_equal "serials in files" "$(sort -u serials | wc -l)" 400
expect_ok openssl verify -CAfile root.pem w*.pem
expect_ok caadm cert list --ca root --json
jq -r '.. | .serial? // empty' out | sort >listed
expect_ok caadm ca show root --json
own=$(openssl x509 -in root.pem -noout -serial | sed 's/serial=//' |
    tr 'A-F' 'a-f')
grep -v "^$own\$" listed >listed.leaves || true
sed 's/serial=//' serials | tr 'A-F' 'a-f' | sort >issued
expect_same issued listed.leaves
expect_equal "keys" "$(find pki/keys -type f -name 'w*' | wc -l)" 40

title "the audit log"
sqlite3 -readonly pki/caadm.db 'select seq from audit order by seq' >seq
seq "$(wc -l <seq)" >counted
expect_same seq counted
# The root's own certificate is one more.
expect_equal "acts of issuing" "$(sqlite3 -readonly pki/caadm.db \
    "select count(*) from audit where act = 'cert.issue'")" 401
expect_equal "integrity" "$(sqlite3 -readonly pki/caadm.db \
    'pragma integrity_check')" ok
expect_ok caadm doctor
