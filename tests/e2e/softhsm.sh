# Tokens for the tests with keys in an HSM; sourced after lib.sh. Every test
# has a SoftHSM of its own: SOFTHSM2_CONF names tokens below $T, so tests may
# run at once and never see the machine's own tokens.
#
# Sets HSM_MODULE, PIN and SO_PIN (also in $T/pin.txt, $T/so_pin.txt).

for HSM_MODULE in "${SOFTHSM2_MODULE-}" /usr/lib/softhsm/libsofthsm2.so \
    /usr/lib/*/softhsm/libsofthsm2.so; do
    [ ! -f "$HSM_MODULE" ] || break
done
[ -f "$HSM_MODULE" ] || fail "no libsofthsm2.so: install softhsm2"
PIN=4711-user-pin-$$
SO_PIN=0815-officer-$$
SECRETS+=("$PIN" "$SO_PIN")
printf '%s\n' "$PIN" >"$T/pin.txt"
printf '%s\n' "$SO_PIN" >"$T/so_pin.txt"
printf '%s\n' "9999-not-the-pin" >"$T/wrong_pin.txt"
chmod 600 "$T"/*pin.txt

# softhsm_home [FOLDER]: tokens that are made from now on lie there.
# shellcheck disable=SC2120 # the folder is optional
softhsm_home()
{
    local home=${1:-$T/softhsm}

    mkdir -p "$home/tokens"
    cat >"$home/softhsm2.conf" <<CONF
directories.tokendir = $home/tokens
objectstore.backend = file
log.level = ERROR
slots.removable = false
CONF
    export SOFTHSM2_CONF=$home/softhsm2.conf
}

# softhsm_token LABEL...: new tokens with $PIN and $SO_PIN.
softhsm_token()
{
    local label

    for label in "$@"; do
        softhsm2-util --init-token --free --label "$label" --pin "$PIN" \
            --so-pin "$SO_PIN" >"$T/softhsm.log" 2>&1 ||
            fail "no token $label: $(cat "$T/softhsm.log")"
    done
}

# hsm_backend FILE NAME TOKEN [SETTING...]: a section for caadm.conf. With
# no SETTING the user PIN comes from $T/pin.txt.
hsm_backend()
{
    local file=$1 name=$2 token=$3

    shift 3
    [ $# -gt 0 ] || set -- "user_pin = file:$T/pin.txt"
    {
        printf '\n[backend %s]\ntype = pkcs11\n' "$name"
        printf 'module = %s\ntoken = %s\n' "$HSM_MODULE" "$token"
        printf '%s\n' "$@"
    } >>"$file"
}

# hsm_home FOLDER: keystore_home with the token "main" as backend "hsm", and
# as "askhsm" with no PIN configured.
hsm_home()
{
    keystore_home "$1"
    softhsm_home
    softhsm_token main
    hsm_backend "$1/caadm.conf" hsm main
    hsm_backend "$1/caadm.conf" askhsm main ''
}

# faulty: a module in front of SoftHSM that counts calls and fails as told
# (tests/hsm/fault_module.c); its path is then in $FAULTY.
faulty()
{
    export FAULT_MODULE=$HSM_MODULE FAULT_FILE=$T/faults FAULT_LOG=$T/calls.log
    FAULTY=${FAULTY:?path of fault_module.so}
    : >"$FAULT_FILE"
    : >"$FAULT_LOG"
}

# faults RULE...: these hold from now on, and no others.
faults()
{
    printf '%s\n' "$@" >"$FAULT_FILE.new"
    mv "$FAULT_FILE.new" "$FAULT_FILE"
}

# calls FUNCTION: how often it was called since this was last asked.
calls()
{
    grep -cx "$1" "$FAULT_LOG" || true
    : >"$FAULT_LOG"
}

# tool ARGUMENT...: OpenSC's pkcs11-tool, which shares no code with us; logged
# in as the user if the token is given as --token-label. A program, so that
# run and its kin can start it.
mkdir "$T/bin"
PATH=$T/bin:$PATH
cat >"$T/bin/tool" <<TOOL
#!/bin/bash
login=()
case " \$* " in
*" --token-label "*) login=(--login --pin env:TOOL_PIN) ;;
esac
TOOL_PIN=$PIN exec pkcs11-tool --module "$HSM_MODULE" "\${login[@]}" "\$@"
TOOL
chmod 700 "$T/bin/tool"

# objects TOKEN [TYPE]: one line for each object, by OpenSC.
objects()
{
    tool --token-label "$1" --list-objects ${2:+--type "$2"} 2>/dev/null |
        grep -E '(Object|object); '
}
