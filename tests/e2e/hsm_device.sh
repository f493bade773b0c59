#!/bin/bash
# A token that makes trouble: its PIN is locked or about to be, it is full, it
# has no more sessions, it is taken out and put back, it fails or dies in the
# middle of things. By a module in front of SoftHSM that fails as it is told.
# What is said has the token and PKCS#11's name for it; nothing is left half
# made; a server goes on when the token is back.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

: "${SERVERS_DIR:?folder of e2e_threaded}"
LIMIT=30
hsm_home "$T/pki"
faulty
sed -i "s,^module = .*,module = $FAULTY," "$T/pki/caadm.conf"
openssl_cnf "$T/openssl.cnf" default keystore
openssl_cnf "$T/plain.cnf" default
seq 100 >message
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout leaf.key -subj /CN=leaf -out leaf.csr 2>/dev/null
expect_ok caadm key create keystore://hsm/k --key-type ec:P-256
expect_ok caadm ca create ca --key keystore://hsm/k --subject CN=ca --days 900
expect_ok openssl req -x509 -new -key keystore://hsm/k -subj /CN=localhost \
    -out k.crt
calls C_Login >/dev/null

# says WORD...: so do the last command's errors.
says()
{
    local word

    for word in "$@"; do
        expect_stderr_has "$word"
    done
    expect_no_secret
}

# count: objects on the token, seen past us.
count()
{
    objects main | wc -l
}

title "PINs that are locked, or are about to be"
while read -r flag name; do
    faults "flags $flag 0"
    expect_exit 4 caadm key test keystore://hsm/k
    says main "$name"
    expect_fail openssl dgst -sha256 -sign keystore://hsm/k -out sig message
    says main "$name"
    expect_equal "logins with $name" "$(calls C_Login)" 0
    run caadm backend check hsm
    [ "$RC" -lt 124 ] || fail "backend check died"
    grep -qiE "$name" out err || fail "backend check does not tell of $name"
    expect_equal "logins by backend check" "$(calls C_Login)" 0
done <<'FLAGS'
0x20000 final|one.(more|last)|last.try
0x40000 lock
0x80000 chang
FLAGS
faults "flags 0x10000 0"
expect_ok caadm key test keystore://hsm/k
faults "fail C_Login CKR_PIN_LOCKED"
expect_exit 4 caadm key test keystore://hsm/k
says main CKR_PIN_LOCKED
calls C_Login >/dev/null
faults ''

title "a key that wants its PIN each time"
expect_ok tool --token-label main --keypairgen --key-type EC:secp256r1 \
    --label always --id aa --always-auth
expect_ok openssl req -x509 -new -key keystore://hsm/always -subj /CN=a \
    -out always.crt
expect_ok openssl verify -CAfile always.crt -check_ss_sig always.crt
expect_ok caadm ca create always --key keystore://hsm/always --subject CN=a \
    --days 90
expect_ok caadm cert issue --ca always --san a.example --csr leaf.csr --days 9

title "what fails"
before=$(count)
# command | rules | exit codes | what is said
while IFS='|' read -r command rules codes words; do
    [ -n "$command" ] || continue
    case $command in
    ca) set -- caadm ca create new --backend hsm --key-type ec:P-256 \
        --subject CN=new --days 90 ;;
    key) set -- caadm key create keystore://hsm/new --key-type ec:P-256 ;;
    import) set -- caadm key import keystore://hsm/new --in leaf.key ;;
    issue) set -- caadm cert issue --ca ca --san a.example --csr leaf.csr ;;
    test) set -- caadm key test keystore://hsm/k ;;
    esac
    # shellcheck disable=SC2001 # sed reads better
    faults "$(sed 's/, /\n/g' <<<"$rules")"
    run "$@"
    case " $codes " in
    *" $RC "*) pass ;;
    *) fail "$command with $rules: exit $RC, not $codes" ;;
    esac
    faults ''
    # shellcheck disable=SC2086 # words
    says $words
    case $words in
    *fault_module*) ;;
    *) says main ;;
    esac
    expect_equal "objects after $command with $rules" "$(count)" "$before"
done <<'CASES'
key|fail C_GenerateKeyPair CKR_DEVICE_MEMORY|4 5|CKR_DEVICE_MEMORY
key|fail C_GenerateKeyPair CKR_DEVICE_ERROR|4 5|CKR_DEVICE_ERROR
key|fail C_GenerateKeyPair CKR_TEMPLATE_INCONSISTENT|2 4 5|CKR_TEMPLATE_INCONSISTENT
key|fail C_OpenSession CKR_TOKEN_WRITE_PROTECTED|4 5|CKR_TOKEN_WRITE_PROTECTED
import|fail C_CreateObject CKR_DEVICE_MEMORY|4 5|CKR_DEVICE_MEMORY
import|fail C_CreateObject CKR_DEVICE_MEMORY 1|4 5|CKR_DEVICE_MEMORY
ca|fail C_GenerateKeyPair CKR_DEVICE_MEMORY|4 5|CKR_DEVICE_MEMORY
ca|fail C_Sign CKR_DEVICE_ERROR|4 5|CKR_DEVICE_ERROR
ca|fail C_SignInit CKR_FUNCTION_FAILED|4 5|CKR_FUNCTION_FAILED
ca|mechanism 0x1041|2 4 5|CKM_ECDSA
key|sessions 0|4 5|CKR_SESSION_COUNT
test|sessions 0|4 5|CKR_SESSION_COUNT
issue|fail C_Sign CKR_DEVICE_ERROR|4 5|CKR_DEVICE_ERROR
issue|removed|3 4 5|token
test|fail C_Initialize CKR_GENERAL_ERROR|4 5|CKR_GENERAL_ERROR fault_module
test|fail C_GetSlotList CKR_DEVICE_ERROR|3 4 5|CKR_DEVICE_ERROR fault_module
CASES
expect_exit 3 caadm ca show new

title "what dies in the middle is completed by the next command"
for where in C_GenerateKeyPair C_SignInit C_Sign; do
    for how in exit crash; do
        command=(caadm ca create "$how-$where" --backend hsm --key-type
            ec:P-256 --subject "CN=$how $where" --days 90)
        faults "$how $where"
        run "${command[@]}"
        [ "$RC" -ne 0 ] || fail "ca create lived through $how $where"
        faults ''
        # By the same command; or its start has done it already.
        run "${command[@]}"
        [ "$RC" -eq 0 ] || says 'settled: .*completed'
        expect_ok caadm cert issue --ca "$how-$where" --san a.example --csr \
            leaf.csr --days 9
        expect_equal "keys $how-$where" "$(tool --token-label main \
            --list-objects --type privkey 2>/dev/null |
            grep -c "label: *$how-$where\$")" 1
    done
done

title "a server whose token goes and comes back"
# handshakes N: so many are tried; the number that failed is in $FAILED.
handshakes()
{
    run env "OPENSSL_CONF=$T/plain.cnf" "$SERVERS_DIR/e2e_client" "$PORT" \
        k.crt "$1" 4
    [ "$RC" -lt 2 ] || fail "the client: exit $RC"
    FAILED=$(sed -n 's/.*, \([0-9]*\) failed$/\1/p' out)
    kill -0 "$PID" || fail "the server died: $(tail -20 server.log)"
}
for server in "threaded shared" "forking before"; do
    # shellcheck disable=SC2086 # words
    set -- $server
    faults ''
    READY='^ACCEPT' start server "$SERVERS_DIR/e2e_$1" "$2" k.crt \
        keystore://hsm/k
    PORT=$(sed -n 's/^ACCEPT .*:\([0-9]*\).*/\1/p' server.log)
    handshakes 40
    expect_equal "failures at first, $server" "$FAILED" 0
    faults removed
    handshakes 8
    expect_equal "failures without a token, $server" "$FAILED" 8
    faults ''
    handshakes 40
    expect_equal "failures with the token back, $server" "$FAILED" 0
    faults "sessions 2"
    handshakes 40
    expect_equal "failures with two sessions, $server" "$FAILED" 0
    faults "fail C_Sign CKR_DEVICE_ERROR 0 3"
    handshakes 40
    [ "$FAILED" -ge 1 ] && [ "$FAILED" -le 12 ] ||
        fail "$FAILED failures where a few C_Sign failed: $(grep -o \
            'CKR_[A-Z_]*' server.log | sort | uniq -c | tr '\n' ' ')"
    faults "fail C_SignInit CKR_SESSION_HANDLE_INVALID 0 1"
    handshakes 40
    expect_equal "failures with a stale session, $server" "$FAILED" 0
    kill "$PID"
    RC=0
    wait "$PID" || RC=$?
    [ "$RC" -eq 1 ] || fail "$server ended with $RC: $(tail -20 server.log)"
    ! grep -q 'died of signal' server.log || fail "a child died"
    ! grep -qF -e "$PIN" server.log || fail "the PIN is in the log"
    pass
done
