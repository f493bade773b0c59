# The frame of torn.sh: a home with keys in it, deaths at each step of a
# command, and what holds after each. Sourced after lib.sh.
: "${TORN:?path of the library}" "${LOOK:?path of torn_look}"

MODES=${MODES:-kill lost names mixed}
STRIDE=${STRIDE:-4}
DEATHS=0

# Three backends: "default" and "ask" are one place, the first with a
# passphrase; keys in "safe" are of the other type and sealed to the key in
# "kek".
configure()
{
    local path=keys other=sqlite other_path=safe.db

    if [ "$TYPE" = sqlite ]; then
        path=keys.db other=file other_path=safe
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
}

# prepare TYPE [COMMAND...]
prepare()
{
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
    "$LOOK" secrets.txt keystore://ask/ keystore://safe/ >look.out 2>err ||
        fail "$STEP: a key does not load"
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
            "$again" "$@"
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
    if [ "$RC" -eq 0 ]; then
        [ "$(tail -n 1 steps | cut -d' ' -f1)" -lt "$2" ] ||
            fail "$STEP: did not die"
        return 1
    fi
    STEP="$STEP: $(tail -n 1 steps)"
    [ "$RC" -eq 137 ] || fail "$STEP: exit $RC"
    DEATHS=$((DEATHS + 1))
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
    pass
}
