/*
 * Options that several commands share.
 */
#include "args.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ask.h"
#include "file.h"
#include "ks_secret.h"
#include "ks_uri.h"
#include "out.h"

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

static void warn_of_pin_value(const struct cli *cli, const char *option)
{
    cli_warn(cli,
             "%s: a secret in a URI is shown to every user of this machine; "
             "pin-source=file:PATH and --passin file:PATH do not",
             option);
}

ks_rc args_uri_check(const struct cli *cli, const char *option, const char *uri,
                     struct ks_err *err)
{
    static const char *const schemes[] = {"keystore:", "pkcs11:", "file:"};
    char safe[256];
    size_t i = 0;

    while (i < sizeof(schemes) / sizeof(schemes[0]) &&
           OPENSSL_strncasecmp(uri, schemes[i], strlen(schemes[i])) != 0)
        i++;
    ks_uri_redact(uri, safe, sizeof(safe));
    if (i == sizeof(schemes) / sizeof(schemes[0])) {
        ks_hint(err, "a key is keystore://BACKEND/KEY; in a file, file:PATH");
        return ks_fail(err, KS_E_INVALID, "%s: %s: not a key URI", option,
                       safe);
    }
    if (strcasestr(uri, "pin-value=") != NULL ||
        strcasestr(uri, "pin-source=pass:") != NULL)
        warn_of_pin_value(cli, option);
    return KS_OK;
}

/* A key's URI, taken apart. */
static ks_rc parse_key(const char *option, const char *uri,
                       struct ks_uri *parsed, struct ks_err *err)
{
    struct ks_err why = {0};
    char safe[256];
    ks_rc rc = ks_uri_parse(uri, parsed, &why);

    if (rc != KS_OK) {
        ks_hint(err, "%s",
                why.hint[0] != '\0' ? why.hint
                                    : "a key is keystore://BACKEND/KEY");
        return ks_fail(err, rc, "%s: %s", option, why.text);
    }
    if (parsed->key[0] != '\0')
        return KS_OK;
    ks_uri_clear(parsed);
    ks_uri_redact(uri, safe, sizeof(safe));
    ks_hint(err, "a key is keystore://BACKEND/KEY");
    return ks_fail(err, KS_E_INVALID, "%s: %s: names no key", option, safe);
}

static ks_rc format_key(const char *option, const struct ks_uri *parsed,
                        char **out, struct ks_err *err)
{
    ks_rc rc = ks_uri_format(parsed->backend, parsed->key, out);

    return rc == KS_OK ? KS_OK
                       : ks_fail(err, rc, "%s: %s", option, ks_rc_text(rc));
}

ks_rc args_uri_canonical(const struct cli *cli, const char *option,
                         const char *uri, char **out, struct ks_err *err)
{
    struct ks_uri parsed = {0};
    ks_rc rc = parse_key(option, uri, &parsed, err);

    if (rc != KS_OK)
        return rc;
    if (parsed.has_pin_value ||
        (parsed.pin_source != NULL &&
         strncmp(parsed.pin_source, "pass:", strlen("pass:")) == 0))
        warn_of_pin_value(cli, option);
    rc = format_key(option, &parsed, out, err);
    ks_uri_clear(&parsed);
    return rc;
}

ks_rc args_uri_new(const char *option, const char *uri, char **out,
                   struct ks_err *err)
{
    struct ks_uri parsed = {0};
    char safe[256];
    ks_rc rc = parse_key(option, uri, &parsed, err);

    if (rc != KS_OK)
        return rc;
    ks_uri_redact(uri, safe, sizeof(safe));
    if (parsed.pin_source != NULL || parsed.has_pin_value) {
        ks_hint(err, "--passout SOURCE says where its secret comes from");
        rc = ks_fail(err, KS_E_INVALID, "%s: %s: a new key has no pin yet",
                     option, safe);
    } else if (parsed.type != KS_URI_ANY) {
        rc = ks_fail(err, KS_E_INVALID, "%s: %s: a new key takes no type",
                     option, safe);
    } else {
        rc = format_key(option, &parsed, out, err);
    }
    ks_uri_clear(&parsed);
    return rc;
}

static ks_rc choose_uri(const struct cli *cli, const struct args_key *args,
                        const char *fallback, const char *name, char **uri,
                        struct ks_err *err)
{
    const char *backend = args->backend != NULL ? args->backend : fallback;
    ks_rc rc;

    if (args->key != NULL) {
        rc = args_uri_check(cli, "--key", args->key, err);
        if (rc == KS_OK) {
            *uri = OPENSSL_strdup(args->key);
            rc = *uri != NULL ? KS_OK : KS_E_NOMEM;
        }
        return rc;
    }
    if (args->new_key != NULL)
        return args_uri_new("--new-key", args->new_key, uri, err);
    if (backend == NULL)
        return KS_OK;
    if (name == NULL)
        return ks_fail(err, KS_E_INVALID,
                       "--backend: no name for the key: give --san or "
                       "--new-key");
    return ks_uri_format(backend, name, uri);
}

ks_rc args_key(const struct cli *cli, const struct args_key *args,
               const char *fallback, const char *name,
               struct args_key_choice *choice, struct ks_err *err)
{
    int given =
        (args->key != NULL) + (args->new_key != NULL) + (args->backend != NULL);
    ks_rc rc;

    *choice = (struct args_key_choice){0};
    if (given > 1)
        return ks_fail(err, KS_E_INVALID,
                       "--key, --new-key, --backend: only one of them");
    if (args->key != NULL && (args->key_type != NULL || args->passout != NULL))
        return ks_fail(err, KS_E_INVALID, "--key: %s is for a new key",
                       args->key_type != NULL ? "--key-type" : "--passout");
    rc = cli_source_check(cli, "--passout", args->passout, err);
    if (rc == KS_OK && args->key_type != NULL)
        rc = ca_key_type_check(args->key_type, err);
    if (rc == KS_OK)
        rc = choose_uri(cli, args, fallback, name, &choice->uri, err);
    if (rc != KS_OK)
        return ks_fail(err, rc, "key: %s", ks_rc_text(rc));
    choice->is_new = choice->uri != NULL && args->key == NULL;
    if (choice->is_new)
        choice->spec = (struct ca_key_spec){
            .uri = choice->uri,
            .type = args->key_type,
            .passout = args->passout,
        };
    return KS_OK;
}

void args_key_clear(struct args_key_choice *choice)
{
    OPENSSL_free(choice->uri);
    *choice = (struct args_key_choice){0};
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
