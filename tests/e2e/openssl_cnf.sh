#!/bin/bash
# The drop-in, openssl.cnf.d/keystore.cnf, included in Debian's openssl.cnf:
# default stays active, keystore is there, wherever the line stands and
# whatever else is configured; with the module in its place, with none, and
# with OPENSSL_MODULES; in the build folder and from an installed prefix.
. "$(dirname "$0")/lib.sh"

BUILD=$(dirname "$MODULES")
DROP_IN=$BUILD/openssl.cnf.d/keystore.cnf
SOURCE=$HERE/../../openssl.cnf.d/keystore.cnf
cp /etc/ssl/openssl.cnf debian.cnf
keystore_home "$T/pki"
unset OPENSSL_MODULES

# providers CNF: the names of what is active, on one line.
providers()
{
    OPENSSL_CONF=$1 openssl list -providers |
        sed -n 's/^  \([^ ]*\)$/\1/p' | tr '\n' ' '
}

expect_active()
{
    expect_equal "providers by $1" "$(providers "$1")" "$2 "
}

# works CNF: default does what it did, and a key URI is a key.
expect_works()
{
    OPENSSL_CONF=$1 expect_ok openssl genpkey -algorithm ED25519
    OPENSSL_CONF=$1 expect_ok openssl req -new -newkey rsa:2048 -nodes \
        -keyout /dev/null -subj /CN=x
    OPENSSL_CONF=$1 expect_ok openssl pkey -in keystore://default/k -pubout
    expect_stdout_has 'BEGIN PUBLIC KEY'
    OPENSSL_CONF=$1 expect_ok openssl pkey -in keystore://default/k -noout
}

title "a key to try it with"
{
    cat debian.cnf
    echo ".include $DROP_IN"
} >end.cnf
OPENSSL_CONF=end.cnf expect_ok openssl genpkey -propquery provider=keystore \
    -algorithm EC -pkeyopt group:P-256 -pkeyopt keystore-uri:keystore://default/k

title "at the end, at the start, in place of the example, through a wrapper"
expect_active end.cnf "default keystore"
expect_works end.cnf
{
    echo ".include $DROP_IN"
    cat debian.cnf
} >start.cnf
expect_active start.cnf "default keystore"
expect_works start.cnf
sed "s|^# .include fipsmodule.cnf|.include $DROP_IN|" debian.cnf >middle.cnf
expect_active middle.cnf "default keystore"
expect_works middle.cnf
expect_active "$BUILD/openssl.cnf" "default keystore"
expect_works "$BUILD/openssl.cnf"

title "default is asked before keystore"
expect_ok awk '/^\[provider_sect\]/ { inside = 1; next } /^\[/ { inside = 0 }
    inside && /^default/ { if (!seen) first = 1 }
    inside && /^keystore/ { seen = 1 }
    END { exit !(first && seen) }' "$DROP_IN"

title "what follows the line still counts"
{
    echo ".include $DROP_IN"
    echo "config_diagnostics = 1"
    cat debian.cnf
    echo "[ req ]"
    echo "default_bits = 3072"
} >follow.cnf
OPENSSL_CONF=follow.cnf expect_ok openssl req -new -nodes -keyout key.pem \
    -subj /CN=x
expect_ok openssl pkey -in key.pem -noout -text
expect_stdout_has '3072 bit'

title "a list that is there already keeps its entries"
sed -e 's/^# providers = provider_sect/providers = provider_sect/' \
    -e 's/^# \[provider_sect\]/[provider_sect]/' \
    -e 's/^# default = default_sect/default = default_sect\nlegacy = old/' \
    -e 's/^# \[default_sect\]/[old]\nactivate = 1\n[default_sect]/' \
    -e 's/^# activate = 1/activate = 1/' debian.cnf >own.cnf
expect_active own.cnf "default legacy"
echo ".include $DROP_IN" >>own.cnf
expect_active own.cnf "default keystore legacy"
expect_works own.cnf

title "without a module line: OPENSSL_MODULES, as the file in the source is"
{
    cat debian.cnf
    echo ".include $SOURCE"
} >plain.cnf
OPENSSL_MODULES=$MODULES expect_active plain.cnf "default keystore"
OPENSSL_MODULES=$MODULES expect_works plain.cnf

title "a module that is gone leaves default, and says nothing"
sed "s|^module = .*|module = $T/nowhere/keystore.so|" "$DROP_IN" >gone-d.cnf
{
    cat debian.cnf
    echo ".include $T/gone-d.cnf"
} >gone.cnf
expect_active gone.cnf "default"
OPENSSL_CONF=gone.cnf expect_ok openssl genpkey -algorithm ED25519
OPENSSL_CONF=gone.cnf expect_fail openssl pkey -in keystore://default/k \
    -noout

title "the configuration can be named there"
sed "s|^# config = .*|config = $T/pki/caadm.conf|" "$DROP_IN" >config-d.cnf
{
    cat debian.cnf
    echo ".include $T/config-d.cnf"
} >config.cnf
unset CAADM_HOME
expect_works config.cnf
