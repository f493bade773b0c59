#!/bin/bash
# Each built-in profile gives what its purpose needs, as openssl sees it; a
# section of caadm.conf changes one or makes a new one, for what is issued
# from then on; and the command's options go before both.
. "$(dirname "$0")/lib.sh"

keystore_home "$T/pki"
openssl_cnf "$T/openssl.cnf" default keystore
expect_ok caadm ca create root --subject CN=root --days 3000
expect_ok caadm ca show root --format pem --out root.pem
openssl req -new -newkey rsa:2048 -nodes -keyout leaf.key -subj /CN=leaf \
    -out leaf.csr 2>/dev/null

# issue PROFILE ARGUMENT...: into $T/PROFILE.pem, its text into $T/out.
issue()
{
    local profile=$1

    shift
    expect_ok caadm cert issue --ca root --profile "$profile" --csr leaf.csr \
        --out "$profile.pem" --force "$@"
    expect_ok openssl x509 -in "$profile.pem" -noout -text
}

# days PROFILE: how long it is valid, both ends counted.
days()
{
    local from until

    from=$(openssl x509 -in "$1.pem" -noout -startdate)
    until=$(openssl x509 -in "$1.pem" -noout -enddate)
    echo $((($(date -d "${until#*=}" +%s) - $(date -d "${from#*=}" +%s) + 1) \
        / 86400))
}

# profile | days | name | key usage | extended key usage | purposes of openssl
PROFILES='
server|90|www.example.com|Digital Signature, Key Encipherment|TLS Web Server Authentication|sslserver
client|365|client.example.com|Digital Signature|TLS Web Client Authentication|sslclient
peer|90|peer.example.com|Digital Signature, Key Encipherment|TLS Web Server Authentication, TLS Web Client Authentication|sslserver sslclient
email|365|me@example.com|Digital Signature, Key Encipherment|E-mail Protection|smimesign smimeencrypt
codesign|365|code.example.com|Digital Signature|Code Signing|any
ocsp|14|ocsp.example.com|Digital Signature|OCSP Signing|ocsphelper
timestamp|1825|tsa.example.com|Digital Signature|Time Stamping|timestampsign
'
while IFS='|' read -r profile want name usage extended purposes; do
    [ -n "$profile" ] || continue
    title "$profile"
    issue "$profile" --san "$name"
    grep -A1 'X509v3 Key Usage: critical' out | grep -qE "^ *$usage\$" ||
        fail "$profile: key usage"
    grep -A1 'X509v3 Extended Key Usage' out | grep -qE "^ *$extended\$" ||
        fail "$profile: extended key usage"
    ! grep -q 'CA:TRUE' out || fail "$profile: a CA"
    expect_equal "days of $profile" "$(days "$profile")" "$want"
    for purpose in $purposes; do
        expect_ok openssl verify -x509_strict -CAfile root.pem -purpose \
            "$purpose" "$profile.pem"
    done
    for purpose in sslserver sslclient smimesign timestampsign; do
        case " $purposes any " in
        *" $purpose "*) ;;
        *) expect_exit 2 openssl verify -CAfile root.pem -purpose "$purpose" \
            "$profile.pem" ;;
        esac
    done
done < <(echo "$PROFILES")
expect_ok openssl x509 -in ocsp.pem -noout -ext noCheck
expect_ok openssl x509 -in timestamp.pem -noout -text
expect_stdout_has 'X509v3 Extended Key Usage: critical'
title "ca"
# For a CA elsewhere, whose request is here: never by itself, only by this
# profile, and only below a CA that may have one below it.
issue ca --subject CN=elsewhere
expect_stdout_has 'CA:TRUE'
expect_stdout_has '^ *Certificate Sign, CRL Sign$'
expect_ok caadm ca create last --parent root --subject CN=last --path-length 0
expect_exit 1 caadm cert issue --ca last --profile ca --csr leaf.csr \
    --subject CN=elsewhere --out refused.pem
expect_stderr_has 'path'
[ ! -e refused.pem ] || fail "a file for what was refused"

title "changed by a section"
cat >>pki/caadm.conf <<'CONF'

[profile server]
days = 47
keyUsage = critical, digitalSignature

[profile vpn]
based_on = server
description = OpenVPN gateways
days = 400
extendedKeyUsage = serverAuth, clientAuth
certificatePolicies = 2.23.140.1.2.1
copy = subjectAltName

[profile ca]
days = 700
CONF
issue server --san www.example.com
expect_equal "days" "$(days server)" 47
grep -A1 'X509v3 Key Usage: critical' out | grep -qE '^ *Digital Signature$' ||
    fail "key usage of the section"
expect_stdout_has 'TLS Web Server Authentication' # what it does not name stays
issue vpn --san vpn.example.com
expect_equal "days" "$(days vpn)" 400
expect_stdout_has 'TLS Web Server Authentication, TLS Web Client Authentic'
expect_stdout_has 'Policy: 2.23.140.1.2.1'
openssl req -new -key leaf.key -subj /CN=leaf -addext \
    subjectAltName=DNS:asked.example.com -out leaf.csr
issue vpn
expect_stdout_has 'DNS:asked.example.com'
expect_ok caadm ca create sub --parent root --subject CN=sub --out sub.pem
expect_equal "days of a CA" "$(days sub)" 700
expect_ok caadm profile show server --json
expect_equal "profile show" "$(jq -c '.profile | [.days, .origin,
    .extensions.keyUsage]' out)" \
    '[47,"caadm.conf","critical, digitalSignature"]'
expect_ok caadm profile list --json
expect_equal "profile list" "$(jq -r '[.profiles[] | select(.origin ==
    "caadm.conf").name] | sort | join(" ")' out)" 'ca server vpn'

title "options go before profiles"
issue server --san www.example.com --days 5 --ext \
    extendedKeyUsage=clientAuth
expect_equal "days" "$(days server)" 5
grep -A1 'X509v3 Extended' out | grep -qE '^ *TLS Web Client Auth[a-z]*$' ||
    fail "extended key usage of the option"
