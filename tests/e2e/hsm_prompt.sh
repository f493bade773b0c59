#!/bin/bash
# PINs typed on a terminal (expect is the person): asked for once by openssl
# and by caadm, by a text that says whose; not shown; a wrong one is tried once
# and not asked for again; and giving up is no try.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

hsm_home "$T/pki"
faulty
printf '\n[backend spied]\ntype = pkcs11\nmodule = %s\ntoken = main\n' \
    "$FAULTY" >>"$T/pki/caadm.conf"
openssl_cnf "$T/openssl.cnf" default keystore
seq 100 >message
for key in one two; do
    expect_ok openssl genpkey -propquery provider=keystore -algorithm EC \
        -pkeyopt group:P-256 -pkeyopt "keystore-uri:keystore://hsm/$key" \
        -out "$key.pem"
done
export ANSWER

# typed ANSWER COMMAND...: answers whatever asks for a PIN, on a terminal; all
# that was shown is in out. "nothing" ends the input instead.
typed()
{
    ANSWER=$1
    shift
    cat >person <<'EXPECT'
set timeout 30
eval spawn -noecho $argv
set asked 0
expect {
    -re {[^\n]*(PIN|pass phrase)[^\n]*: ?$} {
        incr asked
        if {$asked > 3} { exit 97 }
        after 200
        if {$env(ANSWER) eq "nothing"} { send -- "\004" } else {
            send -- "$env(ANSWER)\r"
        }
        exp_continue
    }
    timeout { exit 98 }
    eof
}
puts "\nasked $asked times"
exit [lindex [wait] 3]
EXPECT
    run expect -f person -- "$@"
    [ "$RC" -lt 97 ] || fail "died, or asked for ever ($RC): $*"
    expect_no_secret
}

# asked N LOGINS: so often, and so many C_Login.
asked()
{
    expect_stdout_has "^asked $1 times"
    expect_equal "logins" "$(calls C_Login)" "$2"
}

title "the right PIN"
calls C_Login >/dev/null
for command in "openssl pkey -in keystore://spied/one -noout" \
    "openssl dgst -sha256 -sign keystore://spied/one -out sig message" \
    "openssl req -x509 -new -key keystore://spied/one -subj /CN=1 -out c.pem" \
    "caadm key test keystore://spied/one"; do
    # shellcheck disable=SC2086 # words
    typed "$PIN" $command
    expect_equal "$command" "$RC" 0
    expect_stdout_has 'PIN.*keystore://spied/one|keystore://spied/one.*PIN'
    asked 1 1
done

title "two keys of one token: one login"
expect_ok openssl req -x509 -new -key keystore://hsm/two -subj /CN=two -out \
    two.crt
typed "$PIN" openssl cms -sign -binary -in message -signer c.pem -inkey \
    keystore://spied/one -signer two.crt -inkey keystore://spied/two -out cms
expect_equal "cms" "$RC" 0
asked 1 1

title "a wrong PIN"
for command in "openssl pkey -in keystore://spied/one -noout" \
    "caadm key test keystore://spied/one"; do
    # shellcheck disable=SC2086
    typed "not-the-pin" $command
    [ "$RC" -ne 0 ] || fail "$command takes a wrong PIN"
    expect_stdout_has 'CKR_PIN_INCORRECT'
    asked 1 1
done

title "no PIN"
for command in "openssl pkey -in keystore://spied/one -noout" \
    "caadm key test keystore://spied/one"; do
    for answer in '' nothing; do
        # shellcheck disable=SC2086
        typed "$answer" $command
        [ "$RC" -ne 0 ] || fail "$command needs no PIN"
        expect_equal "logins of $command" "$(calls C_Login)" 0
    done
done

title "what is public asks nobody"
for command in "openssl pkey -pubin -in keystore://spied/one -noout" \
    "openssl storeutl -noout keystore://spied/" \
    "caadm key list spied" "caadm backend check spied"; do
    # shellcheck disable=SC2086
    typed "$PIN" $command
    asked 0 0
done
