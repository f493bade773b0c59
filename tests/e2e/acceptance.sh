#!/bin/bash
# What caadm issues is accepted by three verifiers that share no code:
# OpenSSL, GnuTLS and NSS. Hierarchies of one to four CAs with mixed key
# types, name constraints, path lengths. That the verifiers look at all is
# shown with chains that openssl signed past caadm's rules: all three refuse.
#
# Usage: acceptance.sh [hsm]: hierarchies with keys on a token instead.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

hsm_home "$T/pki"
openssl_cnf "$T/openssl.cnf" default keystore
openssl_cnf "$T/plain.cnf" default
PLAIN=(env "OPENSSL_CONF=$T/plain.cnf" openssl)

# verifiers ok|bad ROOT CHAIN USAGE VERIFIER...: CHAIN is the certificate and
# its issuers without the root; USAGE is NSS's letter for certutil -V.
verifiers()
{
    local want=$1 root=$2 chain=$3 usage=$4 who rc

    shift 4
    for who in "$@"; do
        rc=0
        "by_$who" "$root" "$chain" "$usage" >out 2>err || rc=1
        case $want.$rc in
        ok.1) fail "$who refuses $chain" ;;
        bad.0) fail "$who accepts $chain" ;;
        esac
        pass
    done
}

by_openssl()
{
    "${PLAIN[@]}" verify -x509_strict -CAfile "$1" -untrusted "$2" "$2"
}

by_gnutls()
{
    certtool --verify --load-ca-certificate "$1" --infile "$2" &&
        cat "$2" "$1" | certtool --verify-chain
}

# A data base of its own: the root is trusted, the rest is only known.
by_nss()
{
    local n=0 files=() file

    rm -rf nss
    mkdir nss
    awk '/BEGIN/ { n++ } { print >("nss/" n ".pem") }' "$2"
    certutil -N -d sql:nss --empty-password
    certutil -A -d sql:nss -n root -t CT,C,C -a -i "$1"
    for file in nss/*.pem; do
        n=$((n + 1))
        certutil -A -d sql:nss -n "cert $n" -t ,, -a -i "$file"
        files+=("$file")
    done
    certutil -V -d sql:nss -u "$3" -n "cert 1"
    [ "$3" != V ] || vfychain -d sql:nss -u 1 -a "${files[@]}"
}

# hierarchy | key types from the root down, then the leaf's, with @BACKEND
# where it is not "default" | who verifies
HIERARCHIES='
one|ec:P-384 ec:P-256|openssl gnutls nss
two|rsa:3072 ec:P-256 rsa:2048|openssl gnutls nss
three|ec:P-521 rsa:2048 ec:P-384 ec:P-256|openssl gnutls nss
four|rsa:2048 ec:P-256 rsa:2048 ec:P-384 rsa:2048|openssl gnutls nss
edwards|ed25519 ec:P-256 ed448 ed25519|openssl gnutls
pss|rsa-pss:2048 rsa-pss:2048 ec:P-256|openssl gnutls
'
ON_TOKEN='
root|ec:P-384@hsm ec:P-256 rsa:2048|openssl gnutls nss
issuing|rsa:3072 rsa:2048@hsm ec:P-256|openssl gnutls nss
all|rsa:2048@hsm ec:P-256@hsm ec:P-256@hsm|openssl gnutls nss
rsa-ec|rsa:2048@hsm ec:P-521@hsm ec:P-384 rsa:2048@hsm|openssl gnutls nss
file-hsm|ec:P-256 ec:P-384@hsm rsa:2048 ec:P-256@hsm ec:P-256|openssl gnutls nss
ec-ed|ec:P-256@hsm ed25519@hsm ed25519@hsm|openssl gnutls
ed|ed25519@hsm ec:P-256 ed25519@hsm rsa:2048|openssl gnutls
ed448|ed448@hsm ec:P-256@hsm ec:P-256|openssl gnutls
pss|rsa-pss:2048@hsm rsa-pss:2048 ec:P-256|openssl gnutls
'
[ "${1-}" != hsm ] || HIERARCHIES=$ON_TOKEN

# backend_of TYPE[@BACKEND]
backend_of()
{
    case $1 in
    *@*) echo "${1#*@}" ;;
    *) echo default ;;
    esac
}

make_hierarchy()
{
    local name=$1 depth=0 parent='' ca type types place

    read -ra types <<<"$2"
    for type in "${types[@]:0:${#types[@]}-1}"; do
        ca=$name-$depth
        place=$(backend_of "$type")
        # shellcheck disable=SC2086 # one option or none
        expect_ok caadm ca create "$ca" ${parent:+--parent "$parent"} \
            --subject "CN=$name CA $depth,O=Example" --backend "$place" \
            --key-type "${type%@*}" --days $((900 - 100 * depth))
        parent=$ca
        depth=$((depth + 1))
    done
    expect_ok caadm ca show "$name-0" --format pem --out "$name.root"
    expect_ok caadm cert issue --ca "$parent" --profile server --san \
        "www.$name.example" --new-key \
        "keystore://$(backend_of "${types[-1]}")/$name-leaf" \
        --key-type "${types[-1]%@*}" --out "$name.pem"
    expect_ok caadm cert issue --ca "$parent" --profile client --subject \
        "CN=$name client" --csr client.csr --out "$name.client"
    expect_equal "certificates in $name.pem" \
        "$(grep -c BEGIN "$name.pem")" "$depth"
}

openssl req -new -newkey rsa:2048 -nodes -keyout client.key -subj /CN=x \
    -out client.csr 2>/dev/null
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout host.key -subj /CN=x -out host.csr 2>/dev/null
while IFS='|' read -r name types who; do
    [ -n "$name" ] || continue
    title "$name: $types"
    make_hierarchy "$name" "$types"
    # shellcheck disable=SC2086 # a list of words
    verifiers ok "$name.root" "$name.pem" V $who
    # shellcheck disable=SC2086
    verifiers ok "$name.root" "$name.client" C $who
    # Another root does not vouch for it.
    case $name in
    one | root) ANOTHER=$name.root ;;
    *) verifiers bad "$ANOTHER" "$name.pem" V openssl gnutls nss ;;
    esac
done < <(echo "$HIERARCHIES")
[ "${1-}" != hsm ] || exit 0

# past_caadm NAME CA EXTENSIONS: signs with the CA's key what caadm refuses.
past_caadm()
{
    local issuer=$2

    expect_ok caadm ca show "$issuer" --format pem --out "$issuer.ca" --force
    printf '%s\n' "authorityKeyIdentifier = keyid" \
        "subjectKeyIdentifier = hash" "$3" >ext.cnf
    expect_ok "${PLAIN[@]}" req -new -newkey ec -pkeyopt \
        ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "/CN=$1" \
        -out "$1.csr"
    expect_ok openssl x509 -req -in "$1.csr" -CA "$issuer.ca" -CAkey \
        "keystore://default/$issuer" -days 30 -extfile ext.cnf -out "$1.pem"
    sed '/BEGIN/,/END/!d' "$issuer.ca" >>"$1.pem"
}
LEAF='basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth'

title "name constraints"
expect_ok caadm ca create nc-root --subject "CN=NC root" --days 900
expect_ok caadm ca create nc --parent nc-root --subject "CN=NC issuing" \
    --days 800 --permit-name dns:example.com --permit-name ip:10.0.0.0/8 \
    --permit-name email:example.com --exclude-name dns:bad.example.com
expect_ok caadm ca show nc-root --format pem --out nc.root
number=0
for san in www.example.com example.com 10.1.2.3 me@example.com; do
    number=$((number + 1))
    usage=V
    profile=server
    names=(--san "$san")
    case $san in
    *@*)
        usage=S
        profile=email
        ;;
    # Without a DNS name GnuTLS would take the CN for one.
    10.*) names=(--san ok.example.com --san "$san") ;;
    esac
    expect_ok caadm cert issue --ca nc --profile "$profile" "${names[@]}" \
        --csr host.csr --out "nc-$number.pem"
    verifiers ok nc.root "nc-$number.pem" "$usage" openssl gnutls nss
done
for san in DNS:www.example.org DNS:x.bad.example.com IP:192.0.2.1; do
    number=$((number + 1))
    past_caadm "bad-$number" nc "$LEAF
subjectAltName = $san"
    verifiers bad nc.root "bad-$number.pem" V openssl gnutls nss
    # The same through caadm: refused, by name.
    expect_exit 1 caadm cert issue --ca nc --profile server --san \
        "${san#*:}" --csr host.csr --out "refused-$number.pem"
    expect_stderr_has 'constraint'
    [ ! -e "refused-$number.pem" ] || fail "a file for what was refused"
done

title "path length"
expect_ok caadm ca create pl-root --subject "CN=PL root" --days 900 \
    --path-length 1
expect_ok caadm ca create pl --parent pl-root --subject "CN=PL issuing" \
    --days 800 --path-length 0
expect_ok caadm ca show pl-root --format pem --out pl.root
expect_ok caadm cert issue --ca pl --profile server --san a.example --csr \
    host.csr --out pl.pem
verifiers ok pl.root pl.pem V openssl gnutls nss
past_caadm pl-sub pl 'basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign'
expect_ok "${PLAIN[@]}" req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
    -nodes -keyout deep.key -subj /CN=deep -out deep.csr
printf '%s\nauthorityKeyIdentifier = keyid\nsubjectAltName = DNS:a.example\n' \
    "$LEAF" >ext.cnf
expect_ok "${PLAIN[@]}" x509 -req -in deep.csr -CA pl-sub.pem -CAkey \
    pl-sub.key -days 9 -extfile ext.cnf -out deep.pem
cat pl-sub.pem >>deep.pem
verifiers bad pl.root deep.pem V openssl gnutls nss
expect_exit 1 caadm ca create pl-deeper --parent pl --subject "CN=deeper" \
    --days 700
expect_stderr_has 'path'
