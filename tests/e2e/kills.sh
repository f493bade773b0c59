#!/bin/bash
# kill -9 at random moments, of several commands that write at once: keys that
# nobody touches stay, keys that are sealed anew or moved are there exactly
# once, and what the dead left is settled by those that follow.
#
#   kills.sh TYPE    the type of backend
. "$(dirname "$0")/lib.sh"
. "$HERE/torn/survive.sh"

ROUNDS=${ROUNDS:-12}

# try COMMAND...: it is given up to LIFE milliseconds.
try()
{
    timeout -s KILL "$(printf '0.%03d' $((RANDOM % LIFE + 1)))" "$@" \
        >/dev/null 2>&1 </dev/null || true
}

# worker NUMBER: of four. Its keys are its own, but for the places.
worker()
{
    local own=keystore://ask/own-$1 n

    RANDOM=$1
    for n in $(seq "$ROUNDS"); do
        try caadm key create "keystore://auto/new-$1-$n" --key-type ed25519
        try caadm key passwd "$own" --passin file:pw.txt --passout file:new.txt
        try caadm key passwd "$own" --passin file:new.txt --passout file:pw.txt
        try caadm key move "keystore://default/go-$1" "keystore://safe/go-$1"
        try caadm key move "keystore://safe/go-$1" "keystore://default/go-$1"
        try caadm key delete "keystore://auto/new-$1-$((n - 3))" --yes
    done
}

prepare "$1"
cp -a base pki
for i in 1 2 3 4; do
    expect_ok caadm key create "keystore://ask/own-$i" --key-type ed25519 \
        --passout file:pw.txt
    expect_ok caadm key create "keystore://default/go-$i" --key-type ed25519
done
look before.all
cut -d' ' -f2,3 before.all | sort >before

# Twice what a command takes while others run.
begun=$(date +%s%N)
for i in 1 2 3 4; do
    caadm -q key create "keystore://auto/timed-$i" --key-type ed25519 &
done
wait
LIFE=$((($(date +%s%N) - begun) / 500000))
[ "$LIFE" -lt 999 ] || LIFE=999

pids=
for i in 1 2 3 4; do
    worker "$i" 2>/dev/null &
    pids="$pids $!"
done
for i in $pids; do
    wait "$i" || fail "a worker ended"
done

# The next that writes settles it.
STEP="after the kills"
expect_ok caadm key create keystore://default/next --key-type ed25519
look after.all
cut -d' ' -f2,3 after.all | grep -Ev '^(new-|timed-|next )' | sort >after
cmp -s before after || fail "not the same keys: $(diff before after)"
# A whole key that nobody was told of waits for the same command.
sqlite3 -readonly pki/caadm.db 'select key_uri from intent' >unfinished
while read -r key; do
    expect_ok caadm key create "$key" --key-type ed25519
done <unfinished
expect_ok caadm doctor
sqlite3 -readonly pki/caadm.db "pragma integrity_check;
    select 'intent', * from intent" >state
echo ok | cmp -s - state || fail "left behind: $(cat state)"
title "$(grep -c ' new-' after.all) of $((4 * ROUNDS)) new keys are left"
