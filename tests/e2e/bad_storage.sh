#!/bin/bash
# Storage that fails: a full disk, a read-only one, a database that is locked,
# corrupt, truncated, of a newer schema, or none. Exit code 5 (2 for the
# schema) and an error that names the file; nothing lost, nothing half made,
# and all goes on when the trouble is over.
#
# A disk of its own needs root, or user namespaces; with neither, a limit on
# the size of files fills up in place of the disk, and modes make it
# read-only.
if [ "${1-}" != inside ]; then
    if unshare -m true 2>/dev/null; then
        exec unshare -m "$0" inside mount
    elif unshare -rm true 2>/dev/null; then
        exec unshare -rm "$0" inside mount
    fi
    exec "$0" inside limit
fi
. "$(dirname "$0")/lib.sh"
HOW=$2

openssl_cnf "$T/openssl.cnf" default keystore
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout leaf.key -subj /CN=leaf -out leaf.csr 2>/dev/null
mkdir disk
cleanup()
{
    cd /
    umount "$T/disk" 2>/dev/null || true
    chmod -R u+w "$T" # after a failure with modes
}
[ "$HOW" = limit ] || mount -t tmpfs -o size=1m,mode=755 none disk
keystore_home "$T/disk/pki"
expect_ok caadm ca create root --subject CN=root --days 900
expect_ok caadm key create keystore://default/k --key-type ec:P-256
ISSUE=(caadm cert issue --ca root --san a.example --csr leaf.csr)
DB=disk/pki/caadm.db

state()
{
    sqlite3 "$DB" 'pragma integrity_check; select state, count(*) from cert
        where state = 3 group by state; select count(*) from ca;'
    find disk/pki/keys -type f -name '*.pem' | sort
}

# works: reading and signing do; the state is that of $T/before.
works()
{
    expect_ok caadm key test keystore://default/k
    expect_ok "${ISSUE[@]}"
    expect_equal "unfinished rows" "$(sqlite3 "$DB" \
        'select count(*) from cert where state < 3')" 0
    expect_equal "intents" "$(sqlite3 "$DB" \
        'select count(*) from intent')" 0
    expect_ok caadm doctor
}

# fails WHERE CODE COMMAND...
fails()
{
    local where=$1 code=$2

    shift 2
    run "$@"
    [ "$RC" -eq "$code" ] || fail "$where: exit $RC, not $code: $*"
    [ ! -s out ] || fail "$where: output of what failed"
    expect_stderr_has 'caadm: error: .'
    expect_no_secret
    [ ! -e made.pem ] || fail "$where: a file of what failed"
    pass
}

title "a full disk ($HOW)"
state >before
if [ "$HOW" = mount ]; then
    # Leaves less and less: something else fails each time.
    for left in 0 4 8 16 32 64; do
        rm -f disk/filler
        dd if=/dev/zero of=disk/filler bs=1k count=2000 2>/dev/null || true
        truncate -s "-${left}k" disk/filler
        for try in "key create keystore://default/full --key-type rsa:4096" \
            "ca create full --subject CN=full --key-type ec:P-256" \
            "cert issue --ca root --san b.example --csr leaf.csr" \
            "cert issue --ca root --san c.example --new-key
                keystore://default/c"; do
            # shellcheck disable=SC2086 # words
            run caadm $try
            case $RC in
            0) ;;
            5) expect_stderr_has 'full|no space|disk' ;;
            *) fail "$left KiB left: exit $RC: $try" ;;
            esac
            expect_no_secret
        done
    done
    rm -f disk/filler
else
    for blocks in 0 8 64 128; do
        for try in "key create keystore://default/full --key-type rsa:4096" \
            "cert issue --ca root --san b.example --csr leaf.csr"; do
            # shellcheck disable=SC2086 # words
            run bash -c "ulimit -f $blocks; exec caadm $try"
            [ "$RC" -ne 0 ] || continue
            expect_stderr_has 'large|full|no space|disk'
        done
    done
fi
works
# A row for each key but k and root's, which nothing half made has.
sqlite3 "$DB" 'pragma integrity_check' | grep -qx ok || fail "database"
find disk/pki/keys -mindepth 1 ! -name '*.pem' ! -name .lock >left
[ ! -s left ] || fail "left behind: $(cat left)"
for key in $(caadm key list --json | jq -r '.. | .uri? // empty'); do
    case $key in
    keystore://ask/*) ;;
    *) expect_ok caadm key test "$key" ;;
    esac
done

title "a read-only disk ($HOW)"
if [ "$HOW" = mount ]; then
    mount -o remount,ro disk
else
    chmod -R a-w disk/pki
fi
expect_ok openssl dgst -sha256 -sign keystore://default/k -out sig leaf.csr
expect_ok caadm key list
expect_ok caadm key test keystore://default/k
expect_ok caadm ca list
expect_ok caadm cert list --ca root
for try in "key create keystore://default/ro --key-type ec:P-256" \
    "key delete keystore://default/k --yes" \
    "ca create ro --subject CN=ro" \
    "cert issue --ca root --san b.example --csr leaf.csr --out made.pem"; do
    # shellcheck disable=SC2086 # words
    fails "read-only: $try" 5 caadm $try
    expect_stderr_has 'read-only|denied|permission'
done
if [ "$HOW" = mount ]; then
    mount -o remount,rw disk
else
    chmod -R u+w disk/pki
fi
works

title "a database that is locked"
cp -a disk/pki saved
state >before
mkfifo hold
sqlite3 "$DB" <hold >locked.log 2>&1 &
holder=$!
SERVERS+=("$holder")
exec 7>hold
echo "begin exclusive; select 'held';" >&7
until grep -q held locked.log; do
    sleep 0.05
done
LIMIT=50 fails "locked" 5 "${ISSUE[@]}" --out made.pem
expect_stderr_has 'locked|busy'
expect_stderr_has 'caadm.db'
echo "rollback;" >&7
exec 7>&-
wait "$holder" || true
state >after
expect_same before after
works

# database WHAT CODE: what is in its place now is refused, then put back.
database()
{
    fails "$1" "$2" "${ISSUE[@]}" --out made.pem
    expect_stderr_has 'caadm.db'
    fails "$1" "$2" caadm cert list --ca root
    fails "$1" "$2" caadm ca create again --subject CN=again
    run caadm doctor
    [ "$RC" -ne 0 ] || fail "doctor finds nothing wrong: $1"
    [ "$RC" -lt 124 ] || fail "doctor died ($RC): $1"
    expect_equal "$1: keys" "$(find disk/pki/keys -name '*again*')" ""
    title "$1"
    put_back
}

put_back()
{
    rm -rf "$DB" "$DB-wal" "$DB-shm"
    cp -a saved/caadm.db "$DB"
}

sqlite3 saved/caadm.db 'pragma wal_checkpoint(truncate)' >/dev/null
rm -f saved/caadm.db-wal saved/caadm.db-shm
put_back
sqlite3 "$DB" 'pragma user_version = 99' >/dev/null
database "a newer schema" 2
rm -f "$DB"-*
echo 'not a database, but a text of some length' >"$DB"
database "a text" 5
rm -f "$DB"-*
head -c 20000 /dev/urandom >"$DB"
database "random bytes" 5
dd if=/dev/zero of="$DB" bs=1 seek=16 count=60 conv=notrunc 2>/dev/null
database "a damaged header" 5
truncate -s 6000 "$DB"
database "a truncated database" 5
rm -f "$DB"
sqlite3 "$DB" 'create table t(a)'
database "somebody else's database" 5
rm -f "$DB"
mkdir "$DB"
database "a directory" 5
rm -rf "$DB"
mkfifo "$DB"
database "a FIFO" 5
rm -f "$DB"
fails "no database" 3 "${ISSUE[@]}"
expect_stderr_has 'caadm.db'
[ ! -e "$DB" ] || fail "an empty inventory was made"
put_back
pages=$(($(stat -c %s "$DB") / 4096))
for page in $(seq 2 "$pages"); do
    head -c 4096 /dev/urandom | dd of="$DB" bs=4096 seek=$((page - 1)) \
        conv=notrunc 2>/dev/null
done
run "${ISSUE[@]}" --out made.pem
[ "$RC" -eq 5 ] || fail "pages of noise: exit $RC"
[ ! -e made.pem ] || fail "pages of noise: a certificate"
put_back
works
