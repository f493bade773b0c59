#!/bin/bash
# Power loss and kill -9 at every step, below all of it: a library stands in
# for libc's calls that change what is stored, lets caadm die at its Nth one,
# and takes back, for a power loss, what had not been synced (torn/calls.c).
# After each death every key that was there before loads, and is listed once;
# the same command can be given again; nothing is left over.
#
#   torn.sh TYPE [COMMAND...]    the type of backend; which commands, or all
#
# Environment: MODES (all), STRIDE: of each mode every such step is tried, but
# in each others, so that with 5 every step is tried in one of the five modes.
. "$(dirname "$0")/lib.sh"
. "$HERE/torn/survive.sh"

# The key has been made, and then it exists; or it has not, and is made now.
again_new()
{
    if [ ! -s after.new ]; then
        again "$@"
        return
    fi
    run "$@"
    case $RC in
    0) pass ;;
    1) expect_stderr_has "taken by a key|a key of this name exists" ;;
    *) fail "$STEP: then, again: exit $RC" ;;
    esac
}

done_new()
{
    look after.all
    [ "$(grep -c " $NEW " after.all)" -eq 1 ] || fail "$STEP: not made"
}

# Once it is done the old passphrase, which is named again, is none any more.
again_random()
{
    run "$@"
    case $RC in
    0) pass ;;
    4)
        expect_stderr_has "wrong passphrase"
        done_passwd
        ;;
    *) fail "$STEP: then, again: exit $RC" ;;
    esac
}

# Under the new passphrase, or one that nobody was asked for.
done_passwd()
{
    look after.all
    [ "$(grep ' moved ' after.all | cut -d' ' -f4)" = "$SECRET" ] ||
        fail "$STEP: not under the new secret"
}

done_reseal()
{
    look after.all
    ! grep '^ask ' after.all | grep -qv ' 2$' ||
        fail "$STEP: not all under the new secret"
}

again_delete()
{
    if grep -q "^$GONE " after; then
        again "$@"
    else
        expect_exit 3 "$@"
    fi
}

done_delete()
{
    look after.all
    ! grep -q " $GONE " after.all || fail "$STEP: not deleted"
}

# It may have been completed before it looks for the key.
again_move()
{
    run "$@"
    case $RC in
    0) pass ;;
    3) expect_stderr_has "not found|no such key|no key" ;;
    *) fail "$STEP: then, again: exit $RC" ;;
    esac
}

done_move()
{
    look after.all
    expect_equal "$STEP: places of the key" \
        "$(grep " $MOVED " after.all | cut -d' ' -f1)" safe
    expect_ok caadm cert issue --ca root --san a.example --csr leaf.csr \
        --days 9
}

# Another command that writes may have completed it.
again_ca()
{
    run caadm ca show sub
    case $RC in
    0) pass ;;
    3)
        run "$@"
        case $RC in
        0) pass ;;
        1) expect_stderr_has "there is a CA of that name" ;;
        *) fail "$STEP: then, again: exit $RC" ;;
        esac
        ;;
    *) fail "$STEP: ca show: exit $RC" ;;
    esac
}

done_ca()
{
    expect_ok caadm cert issue --ca sub --san a.example --csr leaf.csr --days 9
}

prepare "$@"

NEW=solo survive create again_new done_new caadm -q key create \
    keystore://default/solo --key-type ec:P-256
NEW=solo survive create_sealed again_new done_new caadm -q key create \
    keystore://safe/solo --key-type ec:P-256
NEW=solo survive create_random again_new done_new caadm -q key create \
    keystore://ask/solo --key-type ec:P-256 --passout random
NEW=solo survive create_auto again_new done_new caadm -q key create \
    keystore://auto/solo --key-type ec:P-256
NEW=solo survive import again_new done_new caadm -q key import \
    keystore://default/solo --in import.pem
SECRET=2 survive passwd again done_passwd caadm -q key passwd \
    keystore://ask/moved --passin file:pw.txt --passout file:new.txt
SECRET=- survive random again_random done_passwd caadm -q key passwd \
    keystore://ask/moved --passin file:pw.txt --passout random
survive reseal again done_reseal caadm -q key reseal keystore://ask/ \
    --passin file:pw.txt --passout file:new.txt
survive reseal_auto again still_there caadm -q key reseal keystore://auto/ \
    --passout random
MOVED=moved survive move again_move done_move caadm -q key move \
    keystore://ask/moved keystore://safe/moved --passin file:pw.txt
MOVED=root survive move_ca again_move done_move caadm -q key move \
    keystore://default/root keystore://safe/root
MOVED=ocsp survive move_auto again_move done_move caadm -q key move \
    keystore://auto/ocsp keystore://safe/ocsp
GONE=ocsp survive delete_auto again_delete done_delete caadm -q key delete \
    keystore://auto/ocsp --yes
GONE=gone survive delete again_delete done_delete caadm -q key delete \
    keystore://ask/gone --yes
NEW=sub survive ca again_ca done_ca caadm -q ca create sub --parent root \
    --subject CN=sub --days 30
