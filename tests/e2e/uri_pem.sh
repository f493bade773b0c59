#!/bin/bash
# Programs that read only PEM files get a URI-PEM: nginx, Apache httpd,
# HAProxy and stunnel serve TLS with one, curl shows a client certificate with
# one. Each by a real handshake, with an extractable key and with one that
# stays inside; unmodified, told nothing but OPENSSL_CONF.
#
# Usage: uri_pem.sh BACKEND...: default, inside, hsm; pkcs11 is hsm with its
# keys named by pkcs11: URIs.
. "$(dirname "$0")/lib.sh"
. "$HERE/softhsm.sh"

PATH=$PATH:/usr/sbin
hsm_home "$T/pki"
openssl_cnf "$T/openssl.cnf" default keystore
openssl_cnf "$T/plain.cnf" default
# Servers started by root drop their rights before they are asked.
chmod 755 "$T"

# make_pair BACKEND: $1.pem is a certificate for localhost, $1.key.pem the
# URI-PEM of its key, $1.both.pem the two in one file.
make_pair()
{
    local uri=keystore://$1/www

    [ "$1" != pkcs11 ] || uri="pkcs11:token=main;object=www2"
    expect_ok openssl genpkey -propquery provider=keystore -algorithm EC \
        -pkeyopt group:P-256 -pkeyopt "keystore-uri:$uri" -out "$1.key.pem"
    grep -q 'PROVIDER URI' "$1.key.pem" || fail "$1.key.pem is no URI-PEM"
    expect_ok openssl req -x509 -key "$1.key.pem" -subj /CN=localhost -addext \
        "subjectAltName=DNS:localhost,IP:127.0.0.1" -days 2 -out "$1.pem"
    cat "$1.pem" "$1.key.pem" >"$1.both.pem"
    softhsm_for_workers
}

# Workers of nginx and httpd give up root's rights and open the token again;
# the PIN they have from their parent, whose file they may not read.
softhsm_for_workers()
{
    [ "$(id -u)" -ne 0 ] || chown -R www-data "$T/softhsm"
}

# fetch BACKEND NAME CURL_ARGUMENT...: what a stock client gets.
fetch()
{
    local backend=$1 name=$2

    shift 2
    expect_ok env OPENSSL_CONF="$T/plain.cnf" curl -sS --max-time 20 \
        --cacert "$backend.pem" "$@"
    expect_stdout_has "hello from $name"
}

# until_socket FILE
until_socket()
{
    local tries=0

    while [ ! -S "$1" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || fail "no socket $1: $(tail -5 ./*.log)"
        sleep 0.05
    done
}

try_nginx()
{
    mkdir -p nginx
    cat >nginx.conf <<CONF
daemon off;
master_process on;
worker_processes 2;
pid $T/nginx/pid;
error_log $T/nginx/error.log;
env CAADM_HOME;
env OPENSSL_MODULES;
env OPENSSL_CONF;
env SOFTHSM2_CONF;
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
        listen unix:$T/nginx.$1.sock ssl;
        ssl_certificate $T/$1.pem;
        ssl_certificate_key $T/$1.key.pem;
        ssl_client_certificate $T/client.pem;
        ssl_verify_client optional;
        location / { return 200 "hello from nginx, \$ssl_client_verify\n"; }
    }
}
CONF
    start nginx nginx -e "$T/nginx/error.log" -c "$T/nginx.conf"
    until_socket "nginx.$1.sock"
    fetch_often "$1"
}

# Often enough that both workers are met.
fetch_often()
{
    local _

    for _ in 1 2 3 4 5 6; do
        fetch "$1" nginx --unix-socket "nginx.$1.sock" https://localhost/
    done
}

try_haproxy()
{
    cat >haproxy.cfg <<CONF
global
    log stderr local0
    stats socket $T/haproxy.admin.sock
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 10s
frontend web
    bind $T/haproxy.$1.sock ssl crt $T/$1.both.pem
    http-request return status 200 content-type text/plain \
string "hello from haproxy"
CONF
    start haproxy haproxy -db -f "$T/haproxy.cfg"
    until_socket "haproxy.$1.sock"
    fetch "$1" haproxy --unix-socket "haproxy.$1.sock" https://localhost/
    stop "$PID"
}

# stunnel ends TLS in front of a server that speaks plain HTTP.
try_stunnel()
{
    cat >stunnel.conf <<CONF
foreground = yes
pid =
[web]
accept = $T/stunnel.$1.sock
exec = $T/plain_http
cert = $T/$1.pem
key = $T/$1.key.pem
CONF
    cat >plain_http <<'HTTP'
#!/bin/sh
while read -r line; do
    [ "$(printf '%s' "$line" | tr -d '\r')" != "" ] || break
done
printf 'HTTP/1.0 200 OK\r\n\r\nhello from stunnel\n'
HTTP
    chmod 755 plain_http
    start stunnel stunnel4 "$T/stunnel.conf"
    until_socket "stunnel.$1.sock"
    fetch "$1" stunnel --unix-socket "stunnel.$1.sock" https://localhost/
    stop "$PID"
}

# httpd has no Unix sockets: a port that nobody holds, and another one if
# somebody was faster.
try_httpd()
{
    local port tries

    mkdir -p htdocs
    echo "hello from httpd" >htdocs/index.html
    for tries in 1 2 3 4 5; do
        port=$((20000 + (RANDOM + $$) % 12000))
        cat >httpd.conf <<CONF
ServerRoot $T
ServerName localhost
PidFile $T/httpd.$1.pid
Mutex file:$T default
ErrorLog $T/httpd.error.log
Listen 127.0.0.1:$port
LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
LoadModule socache_shmcb_module /usr/lib/apache2/modules/mod_socache_shmcb.so
User www-data
Group www-data
DocumentRoot $T/htdocs
SSLEngine on
SSLCertificateFile $T/$1.pem
SSLCertificateKeyFile $T/$1.key.pem
CONF
        # A user of its own is for root only.
        [ "$(id -u)" -eq 0 ] || sed -i '/^User\|^Group/d' httpd.conf
        start "httpd" apache2 -f "$T/httpd.conf" -DFOREGROUND
        until_listening "$PID" "$port" && break
        tail -3 httpd.error.log >&2
    done
    fetch "$1" httpd "https://localhost:$port/index.html"
    stop "$PID"
}

# until_listening PID PORT
until_listening()
{
    local tries

    for tries in $(seq 200); do
        kill -0 "$1" 2>/dev/null || return 1
        if (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then
            return 0
        fi
        sleep 0.05
    done
    return 1
}

# The client's key: curl reads it from a URI-PEM and nginx accepts it. Then
# nginx is asked to reload, which loads the key again.
try_curl()
{
    expect_ok curl -sS --max-time 20 --cacert "$1.pem" --cert client.pem \
        --key client.key.pem --unix-socket "nginx.$1.sock" https://localhost/
    expect_stdout_has 'hello from nginx, SUCCESS'
    kill -HUP "$PID"
    sleep 0.3
    fetch_often "$1"
    stop "$PID"
    ! grep -E 'exited on signal|fatal code' nginx/error.log ||
        fail "a worker of nginx died"
}

expect_ok openssl genpkey -propquery provider=keystore -algorithm RSA \
    -pkeyopt rsa_keygen_bits:2048 -pkeyopt keystore-uri:keystore://inside/me \
    -out client.key.pem
expect_ok openssl req -x509 -key client.key.pem -subj /CN=client -days 2 \
    -out client.pem
for backend; do
    title "$backend"
    make_pair "$backend"
    try_haproxy "$backend"
    try_stunnel "$backend"
    try_httpd "$backend"
    try_nginx "$backend"
    try_curl "$backend"
done
