#!/bin/bash
# What README.md tells a newcomer to type works, word for word: every block
# marked "sh" is run, in order, in one shell. The first block builds; that is
# what happened before this test, so it is only looked at. The port of the
# example server is changed to a free one, and the second in which a person's
# machine has it listening becomes as long as it takes.
. "$(dirname "$0")/lib.sh"

README=$HERE/../../README.md
BUILD=$(dirname "$MODULES")

# block N: the Nth block of shell lines.
block()
{
    awk -v want="$1" '/^```/ { inside = 0 }
        inside && n == want
        /^```sh$/ { inside = 1; n++ }' "$README"
}

free_port()
{
    python3 -c 'import socket; s = socket.socket()
s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

title "the first block builds with the preset"
expect_ok grep -x 'cmake --preset default' <(block 1)
expect_ok grep -x 'cmake --build --preset default' <(block 1)

title "the others run as they are"
PORT=$(free_port)
BLOCKS=$(grep -cx '```sh' "$README")
{
    echo 'set -e -o pipefail'
    cat <<'LISTENS'
listens()
{
    until (exec 3<>"/dev/tcp/localhost/$1") 2>/dev/null; do
        sleep 0.1
    done
}
LISTENS
    for ((n = 2; n <= BLOCKS; n++)); do
        block "$n"
    done
} | sed -e "s/\\b4433\\b/$PORT/g" -e "s/^sleep 1\$/listens $PORT/" >lines.sh
expect_ok grep -qx "listens $PORT" lines.sh
export OPENSSL_CONF=$BUILD/openssl.cnf
unset OPENSSL_MODULES
LIMIT=120 expect_ok bash -x lines.sh

title "and leave what they say"
expect_ok test "$(grep -c 'BEGIN CERTIFICATE' my-ca/www.pem)" -eq 2
expect_ok grep -q 'PKCS#11 PROVIDER URI' my-ca/web.pem my-ca/www.key.pem
expect_fail grep -rlE 'BEGIN (EC |RSA )?PRIVATE KEY' my-ca/pki
expect_ok openssl verify -CAfile my-ca/root.pem -untrusted my-ca/www.pem \
    my-ca/www.pem my-ca/host.pem
