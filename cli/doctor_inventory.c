/*
 * Doctor: the inventory, its clock, its CAs, and what is unfinished.
 */
#include "ca/ca.h"
#include "doctor.h"
#include "ks_inventory.h"
#include "when.h"

#define SECONDS_A_DAY 86400
#define CLOSE_DAYS 90 /* to the end of a CA */
#define CLOSE_SHARE 5 /* or a fifth of its time, if that is less */
#define UNFINISHED_MAX 1000

struct look {
    struct doctor *doctor;
    time_t now;
    size_t cas;
    size_t unfinished;
    bool planned; /* keys, and which ones is told */
};

static ks_rc check_ca(void *arg, const struct ks_ca_row *row,
                      struct ks_err *err)
{
    struct look *look = arg;
    struct ca_cert_info info = {0};
    char far[CLI_WHEN_MAX];
    time_t close;
    ks_rc rc = ca_cert_describe(&row->cert, &info, err);

    if (rc != KS_OK)
        return rc;
    look->cas++;
    close = (info.not_after - info.not_before) / CLOSE_SHARE;
    if (close > (time_t)CLOSE_DAYS * SECONDS_A_DAY)
        close = (time_t)CLOSE_DAYS * SECONDS_A_DAY;
    cli_when_far(info.not_after + 1, look->now, far);
    if (row->state != KS_CA_ACTIVE || row->revoked)
        rc = KS_OK; /* issues no more: its end is no surprise */
    else if (info.not_after < look->now)
        rc = doctor_say(look->doctor, false, "CA",
                        "create its successor with caadm ca create", err,
                        "%s expired %s", row->name, far);
    else if (info.not_before > look->now)
        rc = doctor_say(look->doctor, false, "CA",
                        "compare this machine's clock with another one, or "
                        "wait until then",
                        err, "%s is not valid yet", row->name);
    else if (info.not_after - look->now < close)
        rc = doctor_say(look->doctor, false, "CA",
                        "create its successor with caadm ca create", err,
                        "%s ends %s", row->name, far);
    else
        rc = doctor_say(look->doctor, true, "CA", NULL, err, "%s ends %s",
                        row->name, far);
    ca_cert_info_clear(&info);
    return rc;
}

static ks_rc check_clock(struct look *look, struct ks_inventory *inventory,
                         struct ks_err *err)
{
    time_t last = 0;
    char when[CLI_WHEN_MAX];
    ks_rc rc = ks_audit_last_time(inventory, &last, err);

    if (rc != KS_OK)
        return rc;
    cli_when(last, when);
    if (look->now < last)
        return doctor_say(look->doctor, false, "clock",
                          "set this machine's clock; nothing is issued "
                          "before that",
                          err,
                          "it stands before the last act in the audit log, "
                          "%s",
                          when);
    return doctor_say(look->doctor, true, "clock", NULL, err,
                      "it stands after the last act in the audit log%s%s",
                      last != 0 ? ", " : "", last != 0 ? when : "");
}

static ks_rc count_cert(void *arg, const struct ks_cert_row *row,
                        struct ks_err *err)
{
    (void)row;
    (void)err;
    ((struct look *)arg)->unfinished++;
    return KS_OK;
}

static ks_rc count_ca(void *arg, const struct ks_ca_row *row,
                      struct ks_err *err)
{
    (void)row;
    (void)err;
    ((struct look *)arg)->unfinished++;
    return KS_OK;
}

static ks_rc count_intent(void *arg, const struct ks_intent *intent,
                          struct ks_err *err)
{
    struct look *look = arg;

    if (intent->made) {
        look->unfinished++;
        return KS_OK;
    }
    look->planned = true;
    return doctor_say(look->doctor, false, "unfinished",
                      "give that command again, or remove the key with caadm "
                      "key delete",
                      err, "%s may be left by an interrupted command",
                      intent->key_uri);
}

static ks_rc check_unfinished(struct look *look, struct ks_inventory *inventory,
                              struct ks_err *err)
{
    ks_rc rc =
        ks_cert_each_dead(inventory, UNFINISHED_MAX, count_cert, look, err);

    if (rc == KS_OK)
        rc = ks_ca_each_dead(inventory, count_ca, look, err);
    if (rc == KS_OK)
        rc = ks_intent_each_dead(inventory, count_intent, look, err);
    if (rc != KS_OK)
        return rc;
    if (look->unfinished == 0 && look->planned)
        return KS_OK;
    if (look->unfinished == 0)
        return doctor_say(look->doctor, true, "unfinished", NULL, err,
                          "nothing was left by an interrupted command");
    return doctor_say(look->doctor, false, "unfinished",
                      "caadm ca create or caadm cert issue, whichever "
                      "comes next, settles that",
                      err, "%zu act%s left by an interrupted command",
                      look->unfinished, look->unfinished == 1 ? "" : "s");
}

static ks_rc check_rows(struct look *look, struct ks_inventory *inventory,
                        struct ks_err *err)
{
    struct ks_err why = {0};
    int64_t rows = 0;
    ks_rc rc = ks_inventory_check(inventory, &why);

    if (rc == KS_OK)
        rc = ks_audit_verify(inventory, &rows, &why);
    if (rc != KS_OK)
        return doctor_say(look->doctor, false, "inventory",
                          doctor_hint(look->doctor, "restore %s from a backup",
                                      ks_config_database(look->doctor->config)),
                          err, "%s", why.text);
    return doctor_say(look->doctor, true, "inventory", NULL, err,
                      "sound; the audit log's %lld acts hold together",
                      (long long)rows);
}

static ks_rc look_at(struct look *look, struct ks_inventory *inventory,
                     struct ks_err *err)
{
    ks_rc rc = check_rows(look, inventory, err);

    if (rc == KS_OK)
        rc = check_clock(look, inventory, err);
    if (rc == KS_OK)
        rc = check_unfinished(look, inventory, err);
    if (rc == KS_OK)
        rc = ks_ca_each(inventory, check_ca, look, err);
    return rc;
}

ks_rc doctor_inventory(struct doctor *doctor, struct ks_err *err)
{
    struct look look = {.doctor = doctor, .now = time(NULL)};
    struct ks_inventory *inventory = NULL;
    struct ks_err why = {0};
    ks_rc rc;

    if (doctor->config == NULL)
        return KS_OK;
    rc = ks_inventory_open(ks_config_database(doctor->config),
                           KS_INVENTORY_READ, &inventory, &why);
    if (rc != KS_OK)
        return doctor_say(doctor, false, "inventory", why.hint, err, "%s",
                          why.text);
    rc = look_at(&look, inventory, &why);
    ks_inventory_close(inventory);
    /* A damaged database ends the look at it, not the examination. */
    if (rc != KS_OK && rc != KS_E_NOMEM)
        rc = doctor_say(doctor, false, "inventory", why.hint, err, "%s",
                        why.text);
    return rc;
}
