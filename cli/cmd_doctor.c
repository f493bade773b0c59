/*
 * caadm doctor: what is wrong with a setup, in plain words.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd.h"
#include "doctor.h"

static const struct cli_column columns[] = {
    {"status", "STATUS"},   {"check", "CHECK"}, {"text", "FINDING"},
    {"hint", "WHAT TO DO"}, {NULL, NULL},
};

ks_rc doctor_say(struct doctor *doctor, bool ok, const char *check,
                 const char *hint, struct ks_err *err, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    json_t *row;
    int len;

    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0)
        return ks_fail(err, KS_E_NOMEM, "%s: out of memory", check);
    doctor->problems += !ok;
    row = json_pack(
        "{s:s, s:s, s:o, s:o}", "status", ok ? "ok" : "problem", "check", check,
        "text", cli_json_text(text), "hint",
        cli_json_text(ok || hint == NULL || hint[0] == '\0' ? NULL : hint));
    free(text);
    return cli_table_row(&doctor->table, row, err);
}

const char *doctor_hint(struct doctor *doctor, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(doctor->hint, sizeof(doctor->hint), format, args);
    va_end(args);
    return doctor->hint;
}

/* In single quotes where a shell would read it otherwise. */
const char *doctor_chmod(struct doctor *doctor, const char *bits,
                         const char *path)
{
    bool plain = strspn(path, "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "0123456789/._+-@:") == strlen(path);

    return doctor_hint(doctor, "chmod %s %s%s%s", bits, plain ? "" : "'", path,
                       plain ? "" : "'");
}

ks_rc doctor_mode(struct doctor *doctor, const char *check, const char *path,
                  unsigned forbidden, struct ks_err *err)
{
    struct stat st;

    if (lstat(path, &st) != 0)
        return doctor_say(doctor, errno == ENOENT, check, NULL, err, "%s: %s",
                          path, strerror(errno));
    if ((st.st_mode & forbidden) == 0)
        return doctor_say(doctor, true, check, NULL, err,
                          "%s is closed to others", path);
    doctor->open_told = true;
    return doctor_say(
        doctor, false, check,
        doctor_chmod(doctor, forbidden == 022 ? "go-w" : "go-rwx", path), err,
        "%s can be %s by others (mode %04o)", path,
        forbidden == 022 ? "changed" : "read or changed",
        (unsigned)st.st_mode & 07777);
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    static ks_rc (*const parts[])(struct doctor *, struct ks_err *) = {
        doctor_config,  doctor_files,   doctor_hsm,
        doctor_plugins, doctor_openssl, doctor_backends,
        doctor_seal,    doctor_secrets, doctor_inventory};
    struct doctor doctor = {.cli = cli};
    ks_rc rc = KS_OK;

    (void)args;
    cli_table_init(&doctor.table, cli, "checks", columns);
    for (size_t i = 0; rc == KS_OK && i < sizeof(parts) / sizeof(parts[0]);
         i++) {
        rc = parts[i](&doctor, err);
        if (rc == KS_OK)
            rc = cli_check_interrupt(err);
    }
    if (rc == KS_OK)
        rc = cli_table_end(&doctor.table, err);
    cli_table_clear(&doctor.table);
    if (rc == KS_OK && doctor.problems > 0)
        rc = ks_fail(err, KS_E_VERIFY, "%zu problem%s found", doctor.problems,
                     doctor.problems == 1 ? "" : "s");
    return rc;
}

const struct cmd cmd_doctor = {
    .noun = "doctor",
    .verb = "",
    .summary = "Say what is wrong with a setup",
    .args = "",
    .run = run,
    .about = "Looks at the configuration, permissions, the provider's "
             "module, openssl.cnf, sealing, the inventory, the clock and the "
             "CAs. Changes nothing. Ends with exit code 6 if there is a "
             "problem.",
    .example = "caadm doctor",
};
