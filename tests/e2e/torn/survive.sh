# The frame of torn.sh: a home with keys in it, deaths at each step of a
# command, and what holds after each. Sourced after lib.sh.
: "${TORN:?path of the library}" "${LOOK:?path of torn_look}"

MODES=${MODES:-kill lost names mixed fail}
STRIDE=${STRIDE:-5}
DEATHS=0

# "default" and "ask" are one place, the first with a passphrase; keys in
# "auto" have random secrets; those in "safe" are of the other type and sealed
# to the key in "kek".
configure()
{
    local path=keys auto=auto other=sqlite other_path=safe.db

    if [ "$TYPE" = sqlite ]; then
        path=keys.db auto=auto.db other=file other_path=safe
    fi
    cat <<CONF
[caadm]
database = caadm.db

[backend default]
type = $TYPE
path = $path
passphrase = file:pw
kdf = scrypt:2:1:1

[backend ask]
type = $TYPE
path = $path
kdf = scrypt:2:1:1

[backend auto]
type = $TYPE
path = $auto
passphrase = random

[backend safe]
type = $other
path = $other_path
seal_to = keystore://kek/kek

[backend kek]
type = file
path = kek
passphrase = file:pw
kdf = scrypt:2:1:1
CONF
}

make_home()
{
    mkdir -m 700 "$1"
    cp pw.txt "$1/pw"
    configure >"$1/caadm.conf"
    export CAADM_HOME=$1
    expect_ok caadm key create keystore://kek/kek --key-type ec:P-256
    expect_ok caadm ca create root --subject CN=root --days 900
    expect_ok caadm key create keystore://ask/moved --key-type ed25519 \
        --passout file:pw.txt
    expect_ok caadm key create keystore://ask/gone --key-type ec:P-256 \
        --passout file:pw.txt
    expect_ok caadm key import keystore://default/kept --in other.pem
    expect_ok caadm key create keystore://safe/kept_safe --key-type ed25519
    expect_ok caadm key create keystore://auto/kept_auto --key-type ed25519
    expect_ok caadm key create keystore://auto/ocsp --key-type ec:P-256
}

# Without rmdir, which only "caadm init" and an unused part of SQLite call.
CHANGES='write|pwrite(64)?|p?writev2?|f?truncate(64)?|fsync|fdatasync|syncfs
sync_file_range|(posix_)?fallocate(64)?|copy_file_range|sendfile(64)?|creat(64)?
open(at)?(64)?|mknod(at)?|mkdir(at)?|remove|(sym)?link(at)?|unlink(at)?
rename(at2?)?'

# Nobody changes what is stored by a call that the library does not see.
check_calls()
{
    local file sqlite

    sqlite=$(ldconfig -p | sed -n 's/.*libsqlite3.so.0 .*=> //p' | head -1)
    for file in "$CAADM" "$MODULES/keystore.so" "$sqlite"; do
        nm -D --undefined-only "$file"
    done | sed -nE "s/^ *U ($(echo "$CHANGES" | tr '\n' '|'))(@.*)?$/\1/p" |
        sort -u >calls.used
    nm -D --defined-only "$TORN" | cut -d' ' -f3 | sort >calls.seen
    [ -s calls.used ] || fail "no calls in $CAADM"
    [ -z "$(comm -23 calls.used calls.seen)" ] ||
        fail "not in torn/calls.c: $(comm -23 calls.used calls.seen)"
    pass
}

# prepare TYPE [COMMAND...]
prepare()
{
    check_calls
    TYPE=$1
    WANTED=${*:2}
    STEP="undisturbed"
    openssl_cnf "$T/openssl.cnf" default keystore
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -keyout other.pem -subj /CN=leaf -out leaf.csr 2>/dev/null
    openssl genpkey -algorithm ed25519 -out import.pem
    printf 'a new one\n' >new.txt
    cat pw.txt new.txt >secrets.txt
    make_home "$T/base"
    look before.all
    cut -d' ' -f2,3 before.all | sort >before
    files base >usual
    export CAADM_HOME=$T/pki
}

# look FILE: a line for each key: place, name, public half, secret.
look()
{
    "$LOOK" secrets.txt keystore://ask/ keystore://auto/ keystore://safe/ \
        >look.out 2>err || fail "$STEP: a key does not load"
    sed 's|^keystore://\([^/]*\)/|\1 |' look.out | sort >"$1"
    pass
}

# All files below a home, but for keys' and what SQLite makes as it likes.
files()
{
    (cd "$1" && find . ! -name '*.pem' ! -name '*-wal' ! -name '*-shm') | sort
}

# survive NAME AGAIN DONE COMMAND...: at each step, in each mode. AGAIN gives
# the command again, DONE looks at what it was to do.
survive()
{
    local name=$1 again=$2 done=$3 mode first=0 n begun=$DEATHS

    shift 3
    case " $WANTED " in
    *" $name "* | "  ") ;;
    *) return 0 ;;
    esac
    for mode in $MODES; do
        for n in $(seq $((first % STRIDE + 1)) "$STRIDE" 999); do
            STEP="$name, $mode at $n"
            die_at "${mode/mixed/mixed:$n}" "$n" "$@" || break
            still_there
            [ "$RC" -eq 0 ] || "$again" "$@"
            "$done"
            nothing_left
        done
        [ "$n" -gt 3 ] || fail "$STEP: no more steps than that"
        STEP="$name, $mode at its end"
        still_there
        "$done"
        nothing_left
        first=$((first + 1))
    done
    title "$name: died $((DEATHS - begun)) times"
}

# die_at MODE N COMMAND...: false if the command got through.
die_at()
{
    rm -rf pki
    cp -a base pki
    RC=0
    # shellcheck disable=SC2034 # fail() shows it
    LAST="${*:3}"
    # The shell in between keeps the notice of the death to itself.
    (LD_PRELOAD=$TORN TORN_BELOW=pki TORN_MODE=$1 TORN_AT=$2 TORN_LOG=steps \
        "${@:3}"; exit $?) >out 2>err </dev/null || RC=$?
    if [ "$(wc -l <steps)" -lt "$2" ]; then
        [ "$RC" -eq 0 ] || fail "$STEP: exit $RC"
        return 1
    fi
    STEP="$STEP: $(sed -n "$2p" steps)"
    DEATHS=$((DEATHS + 1))
    case $1,$RC in
    fail,0) ;; # it could do without that call
    fail,*) expect_storage_error ;;
    *,137) ;;
    *) fail "$STEP: exit $RC" ;;
    esac
}

expect_storage_error()
{
    [ "$RC" -eq 5 ] || fail "$STEP: exit $RC, not 5"
    expect_stderr_has "^caadm: error: "
}

# Every key that was there loads, is the same, and is listed once. By now $NEW
# may have come, $GONE may have gone, $MOVED may be in either place or in both.
still_there()
{
    look after.all
    grep " ${NEW:-/} " after.all >after.new || true
    [ "$(wc -l <after.new)" -le 1 ] || fail "$STEP: $(cat after.new)"
    grep -v " ${NEW:-/} " after.all | cut -d' ' -f2,3 | sort >after
    if [ -n "${MOVED-}" ]; then
        uniq after after.once
        mv after.once after
    fi
    grep -v "^${GONE:-/} " before >without
    cmp -s before after || { [ -n "${GONE-}" ] && cmp -s without after; } ||
        fail "$STEP: keys are not as before: $(diff before after)"
    pass
}

again()
{
    "$@" >out 2>err </dev/null || fail "$STEP: and then not again"
    pass
}

# What a command that got through leaves, whatever happened before.
nothing_left()
{
    expect_ok caadm doctor
    files pki >left
    cmp -s left usual || fail "$STEP: left behind: $(diff usual left)"
    sqlite3 -readonly pki/caadm.db "pragma integrity_check;
        pragma foreign_key_check; select 'intent', * from intent;
        select 'secrets', key_uri, count(*) from secret group by key_uri
            having count(*) > 1" >state
    echo ok | cmp -s - state || fail "$STEP: left behind: $(cat state)"
    # Each key has its random secret. That of one that has gone may be left.
    sqlite3 -readonly pki/caadm.db 'select key_uri from secret' |
        grep -v "/${GONE:-${MOVED:-/}}$" | sort >secrets.kept
    sed -n 's|^\(ask\) \([^ ]*\) .* -$|keystore://\1/\2|p
        s|^\(auto\) \([^ ]*\) .* -$|keystore://\1/\2|p' after.all |
        grep -v "/${GONE:-${MOVED:-/}}$" | sort >secrets.used
    cmp -s secrets.kept secrets.used ||
        fail "$STEP: random secrets: $(diff secrets.kept secrets.used)"
    pass
}
