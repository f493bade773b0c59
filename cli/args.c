/*
 * Options that several commands share.
 */
#include "args.h"

#include <stdlib.h>
#include <string.h>

#include "file.h"

#define SECONDS_A_DAY 86400

ks_rc args_validity(const struct args_validity *args, struct ca_validity *out,
                    struct ks_err *err)
{
    struct ks_err ignored = {0};
    time_t now = time(NULL);
    ks_rc rc = KS_OK;

    if (args->days.set && args->until != NULL)
        return ks_fail(err, KS_E_INVALID, "--days, --until: only one of them");
    if (args->days.set && args->days.value == 0)
        return ks_fail(err, KS_E_INVALID, "--days: 0: at least 1");
    if (args->days.set)
        out->seconds = (int64_t)args->days.value * SECONDS_A_DAY;
    if (args->from != NULL)
        rc = ca_time_parse(args->from, now, &out->not_before, err);
    if (rc != KS_OK || args->until == NULL)
        return rc;
    /* A duration counts both ends, a time is the last second. */
    if (ca_duration_parse(args->until, &out->seconds, &ignored) == KS_OK)
        return KS_OK;
    return ca_time_parse(args->until, now, &out->not_after, err);
}

ks_rc args_exts(const struct opt_list *list, struct ca_ext **out,
                struct ks_err *err)
{
    struct ca_ext *exts = calloc(list->count + 1, sizeof(*exts));

    if (exts == NULL)
        return ks_fail(err, KS_E_NOMEM, "--ext: out of memory");
    for (size_t i = 0; i < list->count; i++) {
        char *copy = strdup(list->items[i]);
        char *equals = copy == NULL ? NULL : strchr(copy, '=');

        if (equals == NULL || equals == copy || equals[1] == '\0') {
            free(copy);
            args_exts_free(exts, i);
            return ks_fail(err, KS_E_INVALID, "--ext: %s: not NAME=VALUE",
                           list->items[i]);
        }
        *equals = '\0';
        exts[i] = (struct ca_ext){copy, equals + 1};
    }
    *out = exts;
    return KS_OK;
}

void args_exts_free(struct ca_ext *exts, size_t count)
{
    for (size_t i = 0; exts != NULL && i < count; i++)
        free((char *)exts[i].name); /* the value is in the same block */
    free(exts);
}

ks_rc args_csr(const struct ca_env *env, const char *path, struct ca_csr **out,
               struct ks_err *err)
{
    struct ks_buf content = {0};
    ks_rc rc = cli_file_read("--csr", path, &content, err);

    if (rc == KS_OK)
        rc = ca_csr_parse(env, strcmp(path, "-") == 0 ? "stdin" : path,
                          content.data, content.len, out, err);
    ks_buf_clear(&content);
    return rc;
}

const char *args_out(const char *out)
{
    return out == NULL || strcmp(out, "-") == 0 ? NULL : out;
}

enum ca_format args_format(const char *format)
{
    if (format != NULL && strcmp(format, "der") == 0)
        return CA_DER;
    if (format != NULL && strcmp(format, "text") == 0)
        return CA_TEXT;
    return CA_PEM;
}
