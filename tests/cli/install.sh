#!/bin/bash
# An install to a prefix or below DESTDIR puts everything there, and works
# where it lies.
#   install.sh BUILD
set -euo pipefail
build=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export HOME=$work CAADM_HOME=$work/pki OPENSSL_CONF=/dev/null
unset CAADM_CONFIG XDG_CONFIG_HOME OPENSSL_MODULES DESTDIR

# complete FOLDER: caadm, its module, configuration, completion, manual, and
# what backends are built with.
complete() {
    local want

    for want in bin/caadm ossl-modules/keystore.so \
        etc/ssl/openssl.cnf.d/keystore.cnf \
        share/bash-completion/completions/caadm \
        include/keystore/ks_backend.h libkeystore-backend.a \
        pkgconfig/keystore-backend.pc \
        share/man/man1/caadm.1 share/man/man5/caadm.conf.5; do
        find "$1" -type f -path "*/$want" | grep -q . ||
            { echo "install: no $want below $1" >&2 && exit 1; }
    done
}

cmake --install "$build" --prefix "$work/it is" >log
complete "it is"
! grep -F 'Installing: ' log | grep -vF "Installing: $work/it is/" ||
    { echo "install: not all below the prefix" >&2 && exit 1; }
echo secret >pw.txt
"it is/bin/caadm" --quiet init
"it is/bin/caadm" --quiet key create keystore://default/k --passout file:pw.txt
module=$("it is/bin/caadm" doctor | awk -F '\t' '$2 == "provider" { print $3 }')
[[ $module == "$work/it is/"* ]] ||
    { echo "install: finds $module" >&2 && exit 1; }
cnf="$work/it is/etc/ssl/openssl.cnf.d/keystore.cnf"
printf 'openssl_conf = openssl_init\n.include %s\n' "$cnf" >openssl.cnf
OPENSSL_CONF=$work/openssl.cnf openssl list -providers >providers
grep -q keystore providers ||
    { echo "install: keystore.cnf does not activate it" >&2 && exit 1; }

# What README promises, word for word, by what lies there.
CAADM="$work/it is/bin/caadm" MODULES=$(dirname "$(find "it is" \
    -name keystore.so)") "$here/../e2e/walkthrough.sh" >log 2>&1 ||
    { echo "install: walk-through: $(tail -20 log)" >&2 && exit 1; }

DESTDIR=$work/dest cmake --install "$build" >log
complete dest
! grep -F 'Installing: ' log | grep -vF "Installing: $work/dest/" ||
    { echo "install: not all below DESTDIR" >&2 && exit 1; }
! grep -rF "$work" dest/ ||
    { echo "install: names DESTDIR" >&2 && exit 1; }
