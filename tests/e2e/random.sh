#!/bin/bash
# Keys that load with nobody there: an OCSP responder, TLS servers. Their
# secrets were drawn and are in the inventory, so a key's file alone is worth
# nothing, and nor is the inventory. And whatever is killed when, the key loads.
. "$(dirname "$0")/lib.sh"

PATH=$PATH:/usr/sbin
chmod 755 "$T"
openssl_cnf "$T/openssl.cnf" default keystore
openssl_cnf "$T/plain.cnf" default
export CAADM_HOME=$T/pki
expect_ok caadm init --passphrase file:pw.txt
cat >>pki/caadm.conf <<'CONF'

[backend unattended]
type = file
path = unattended
passphrase = random

[backend db]
type = sqlite
path = keys.db
passphrase = random
CONF
mkdir -m 700 pki/unattended

# secret_of URI: what is kept for it, which then counts as a secret.
secret_of()
{
    KEPT=$(sqlite3 pki/caadm.db \
        "SELECT secret FROM secret WHERE key_uri = '$1'")
    [ -z "$KEPT" ] || SECRETS+=("$KEPT")
}

# secrets_are URI N
secrets_are()
{
    expect_equal "secrets of $1" "$(sqlite3 pki/caadm.db \
        "SELECT count(*) FROM secret WHERE key_uri = '$1'")" "$2"
}

# loads URI: with nobody to ask.
loads()
{
    expect_ok setsid -w openssl pkey -in "$1" -noout
    expect_no_secret
}

title "an OCSP responder that nobody has to be there for"
expect_ok caadm ca create root --subject CN=root --key-type ec:P-256 \
    --out root.pem
expect_ok caadm cert issue --ca root --san www.example.com \
    --new-key keystore://unattended/www --out www.pem
serial=$(openssl x509 -in www.pem -noout -serial | cut -d= -f2)
printf 'V\t491231235959Z\t\t%s\tunknown\t/CN=www.example.com\n' "$serial" \
    >index.txt
openssl x509 -in www.pem -out www.leaf.pem

# answers URI SIGNER: a responder with the key URI says that www is good.
answers()
{
    local port

    READY='ocsp: waiting for OCSP client' start ocsp openssl ocsp \
        -index index.txt -CA root.pem -rsigner "$2" -rkey "$1" -port 0 \
        -timeout 30
    port=$(grep -ao 'ACCEPT [^ ]*' ocsp.log | grep -ao '[0-9]*$' | head -1)
    [ -n "$port" ] || fail "no port: $(cat ocsp.log)"
    expect_ok env OPENSSL_CONF="$T/plain.cnf" openssl ocsp -issuer root.pem \
        -cert www.leaf.pem -CAfile root.pem -url "http://127.0.0.1:$port"
    expect_stdout_has '^www.leaf.pem: good'
    expect_stderr_has 'Response verify OK'
    stop "$PID"
}

for uri in keystore://unattended/ocsp keystore://db/ocsp; do
    expect_ok caadm cert issue --ca root --profile ocsp --subject CN=ocsp \
        --new-key "$uri" --out ocsp.pem --force
    secret_of "$uri"
    answers "$uri" ocsp.pem
done
# In a section that has a passphrase of its own, which then is of no use.
expect_ok caadm cert issue --ca root --profile ocsp --subject CN=ocsp \
    --new-key keystore://default/ocsp --passout random --force --out ocsp.pem
secrets_are keystore://default/ocsp 1
secret_of keystore://default/ocsp
answers keystore://default/ocsp ocsp.pem
expect_exit 4 caadm key test keystore://default/ocsp --passin file:wrong.txt

title "TLS servers"
expect_ok openssl genpkey -propquery provider=keystore -algorithm EC \
    -pkeyopt group:P-256 -pkeyopt keystore-uri:keystore://default/tls \
    -pkeyopt keystore-passout:random -out tls.key.pem
secret_of keystore://default/tls
expect_ok openssl req -x509 -new -key keystore://default/tls -days 3 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost -out tls.pem
tls_server s_server -key keystore://default/tls -cert tls.pem -www
expect_ok env OPENSSL_CONF="$T/plain.cnf" curl -sS --max-time 20 \
    --cacert tls.pem "https://localhost:$PORT/"
stop "$PID"
# nginx opens it as root and serves it as www-data, through a reload.
mkdir nginx
cat >nginx.conf <<CONF
daemon off;
pid $T/nginx/pid;
error_log $T/nginx/error.log;
env CAADM_HOME;
env OPENSSL_MODULES;
env OPENSSL_CONF;
$([ "$(id -u)" -ne 0 ] || echo 'user www-data;')
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $T/nginx/body;
    proxy_temp_path $T/nginx/proxy;
    fastcgi_temp_path $T/nginx/fastcgi;
    uwsgi_temp_path $T/nginx/uwsgi;
    scgi_temp_path $T/nginx/scgi;
    server {
        listen unix:$T/nginx.sock ssl;
        ssl_certificate $T/tls.pem;
        ssl_certificate_key $T/tls.key.pem;
        location / { return 200 "hello\n"; }
    }
}
CONF
start nginx nginx -e "$T/nginx/error.log" -c "$T/nginx.conf"
fetch()
{
    local tries=0

    while [ ! -S nginx.sock ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || fail "no nginx: $(cat nginx/error.log)"
        sleep 0.05
    done
    expect_ok env OPENSSL_CONF="$T/plain.cnf" curl -sS --max-time 20 \
        --cacert tls.pem --unix-socket nginx.sock https://localhost/
    expect_stdout_has hello
}
fetch
kill -HUP "$(cat nginx/pid)"
sleep 0.3
fetch
! grep -E 'emerg|crit' nginx/error.log >err || fail "nginx complains"
stop "$PID"

title "a leaked file alone, a leaked inventory alone"
cp -r pki elsewhere
run env CAADM_HOME="$T/elsewhere" caadm key test keystore://unattended/ocsp
expect_equal "with both" "$RC" 0
rm elsewhere/caadm.db*
mkdir -m 700 empty
# The keys, and all that belongs to them, but an inventory of its own.
expect_ok env CAADM_HOME="$T/empty" caadm init
cp empty/caadm.db elsewhere/caadm.db
for uri in keystore://unattended/ocsp keystore://db/ocsp \
    keystore://default/ocsp; do
    LIMIT=20 expect_exit 4 env CAADM_HOME="$T/elsewhere" setsid -w \
        caadm key test "$uri"
    LIMIT=20 expect_fail env CAADM_HOME="$T/elsewhere" setsid -w \
        openssl pkey -in "$uri" -noout
done
for guess in '' random "$PASSPHRASE" unattended; do
    expect_fail env OPENSSL_CONF="$T/plain.cnf" openssl pkey -noout \
        -in pki/unattended/ocsp.pem -passin "pass:$guess"
done
# With its secret, unchanged openssl opens it: nobody is locked in.
secret_of keystore://unattended/ocsp
expect_ok env OPENSSL_CONF="$T/plain.cnf" openssl pkey -noout \
    -in pki/unattended/ocsp.pem -passin "pass:$KEPT"
# The inventory has no key, neither its number (RFC 5915) nor what is sealed.
openssl pkey -in keystore://unattended/ocsp -outform DER -out clear.der
openssl asn1parse -in pki/unattended/ocsp.pem -out sealed.der -noout
sqlite3 pki/caadm.db .dump | tr 'A-F' 'a-f' >dump
for part in "-j 36 -N 32 clear.der" "-j 100 -N 64 sealed.der"; do
    # shellcheck disable=SC2086 # words
    hex=$(od -An -v -tx1 $part | tr -d ' \n')
    ! grep -qF "$hex" dump || fail "the inventory has $part"
    pass
done
# Nor does a key's file have what the inventory has.
! grep -rqF "$KEPT" pki/unattended pki/keys pki/keys.db pki/caadm.conf ||
    fail "a secret lies beside its key"
pass
rm clear.der

title "sealed anew, to a passphrase and back"
for uri in keystore://unattended/ocsp keystore://db/ocsp \
    keystore://default/ocsp; do
    expect_ok caadm key passwd "$uri" --passout file:wrong.txt
    secrets_are "$uri" 0
    expect_ok caadm key test "$uri" --passin file:wrong.txt
    LIMIT=20 expect_exit 4 setsid -w caadm key test "$uri"
    expect_ok caadm key passwd "$uri" --passin file:wrong.txt --passout random
    secrets_are "$uri" 1
    loads "$uri"
    expect_ok caadm key passwd "$uri" --passout random
    secrets_are "$uri" 1
    loads "$uri"
done
expect_exit 4 caadm key test keystore://default/ocsp --passin file:wrong.txt

title "it is no source"
expect_exit 2 caadm key test keystore://unattended/ocsp --passin random
expect_stderr_has 'random secret cannot be used here'
expect_exit 2 caadm key export keystore://unattended/ocsp --passout random \
    --out k.pem
expect_fail openssl pkey -in 'keystore://unattended/ocsp?pin-source=random' \
    -noout
expect_stderr_has 'random secret cannot be used here'
cp pki/caadm.conf good.conf
printf '[backend t]\ntype = pkcs11\nmodule = /x.so\nuser_pin = random\n' \
    >>pki/caadm.conf
expect_fail caadm key list
expect_stderr_has 'user_pin.*random secret cannot be used here'
cp good.conf pki/caadm.conf

title "removed with its key"
expect_ok caadm key create keystore://unattended/gone
secrets_are keystore://unattended/gone 1
expect_ok caadm key delete keystore://unattended/gone --yes
secrets_are keystore://unattended/gone 0

title "no inventory, or none that may be read"
mv pki/caadm.db away.db
expect_fail setsid -w openssl pkey -in keystore://unattended/ocsp -noout
expect_stderr_has 'random secret: .*caadm.db.*caadm init'
expect_ok openssl pkey -in keystore://default/root -noout
mv away.db pki/caadm.db
if [ "$(id -u)" -eq 0 ]; then
    # A program of another user may read the keys, but not their secrets.
    chmod 755 pki
    chmod 644 pki/caadm.conf
    chown -R www-data pki/unattended
    as_www="setpriv --reuid=www-data --regid=www-data --clear-groups setsid -w"
    # shellcheck disable=SC2086 # words
    expect_fail $as_www openssl pkey -in keystore://unattended/ocsp -noout
    expect_stderr_has 'caadm.db.*(denied|unable to open)'
    expect_stderr_has 'root and the owner of the inventory'
    # With a home of its own it may, and may so after root was there, too.
    chown www-data pki pki/caadm.db*
    # shellcheck disable=SC2086
    expect_ok $as_www openssl pkey -in keystore://unattended/ocsp -noout
    expect_ok caadm key create keystore://default/roots --passout random
    find pki ! -user www-data -name 'caadm.db*' -size +0 >found
    [ ! -s found ] || fail "root's files are in the way: $(cat found)"
    # shellcheck disable=SC2086
    expect_ok $as_www openssl genpkey -propquery provider=keystore \
        -algorithm ED25519 -pkeyopt keystore-uri:keystore://unattended/theirs
    # shellcheck disable=SC2086
    expect_ok $as_www openssl pkey -in keystore://unattended/theirs -noout
    chown -R root pki
    chmod 700 pki
    chmod 600 pki/caadm.conf
fi

title "killed at every step"
# killed CALL COMMAND...: COMMAND dies at the Nth CALL, for every N, until it
# gets through; between that, check is called.
killed()
{
    local call=$1 n=0

    shift
    while :; do
        n=$((n + 1))
        [ "$n" -lt 400 ] || fail "never gets through: $*"
        # Its end is told by a shell: ours would print a line for each.
        # shellcheck disable=SC2016
        run sh -c '"$@" || exit $?' sh strace -f -qq -o calls -e \
            trace="$call" -e inject="$call:signal=KILL:when=$n" "$@"
        [ "$RC" -ne 0 ] || break
        [ "$RC" -eq 137 ] || fail "exit $RC at $call $n: $*"
        check
    done
    check
}
check()
{
    loads keystore://unattended/ocsp
}
for call in fsync fdatasync pwrite64 rename unlink unlinkat; do
    killed "$call" caadm key passwd keystore://unattended/ocsp --passout random
done
secrets_are keystore://unattended/ocsp 1
# A key that is being made is there and loads, or it is not there.
check()
{
    if openssl pkey -pubin -in keystore://unattended/new -noout 2>/dev/null
    then
        loads keystore://unattended/new
        expect_ok caadm key delete keystore://unattended/new --yes
    fi
}
for call in fsync pwrite64 link linkat rename unlink; do
    killed "$call" openssl genpkey -propquery provider=keystore -algorithm EC \
        -pkeyopt group:P-256 -pkeyopt keystore-uri:keystore://unattended/new \
        -out new.pem
    rm -f new.pem
done
secrets_are keystore://unattended/new 0
expect_ok caadm doctor

title "doctor"
expect_stdout_has 'ok.secrets.* of unattended load'
sqlite3 pki/caadm.db "DELETE FROM secret WHERE key_uri LIKE '%tended/ocsp'"
expect_exit 6 caadm doctor
expect_stdout_has 'problem.secrets.*keystore://unattended/ocsp cannot be opened'
