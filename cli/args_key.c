/*
 * Options that choose a key, or say what a new one is to be.
 */
#include "args.h"

#include <string.h>

#include <openssl/crypto.h>

#include "ask.h"
#include "ks_uri.h"

static ks_rc check_label(const char *label, struct ks_err *err)
{
    struct ks_err why = {0};

    if (label == NULL || ks_key_name_check(label, &why) == KS_OK)
        return KS_OK;
    return ks_fail(err, KS_E_INVALID, "--key-label: %s", why.text);
}

/* What holds for a new key wherever it is made. */
static ks_rc check_new(const struct cli *cli, const struct args_new *args,
                       struct ks_err *err)
{
    const char *pin = args_pins_given(&args->pins);
    ks_rc rc;

    if (args->passout != NULL && pin != NULL)
        return ks_fail(err, KS_E_INVALID,
                       "--passout, %s: only one of them: a token's key has a "
                       "PIN, any other a passphrase",
                       pin);
    rc = cli_passphrase_check(cli, "--passout", args->passout, err);
    if (rc == KS_OK && args->key_type != NULL)
        rc = ca_key_type_check(args->key_type, err);
    if (rc == KS_OK)
        rc = check_label(args->label, err);
    return rc;
}

static struct ca_key_spec new_spec(const struct args_new *args, const char *uri)
{
    return (struct ca_key_spec){
        .uri = uri,
        .type = args->key_type,
        .passout = args->passout,
        .usage = args->usage,
    };
}

ks_rc args_new(struct cli *cli, const struct args_new *args, const char *uri,
               struct ca_key_spec *spec, char **full, struct ks_err *err)
{
    ks_rc rc = check_new(cli, args, err);

    if (rc == KS_OK)
        rc = args_uri_new(cli, "key", uri, args->label, args->id, full, err);
    if (rc != KS_OK)
        return rc;
    *spec = new_spec(args, *full);
    rc = args_usage(cli, args->usage, *full, err);
    if (rc == KS_OK)
        rc = args_pins(cli, &args->pins, *full, &spec->pins, err);
    return rc;
}

/* --- which key ------------------------------------------------------------ */

static ks_rc choose_uri(struct cli *cli, const struct args_key *args,
                        const char *fallback, const char *name, char **uri,
                        struct ks_err *err)
{
    const char *backend = args->backend != NULL ? args->backend : fallback;
    const struct args_new *make = &args->make;
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
        return args_uri_new(cli, "--new-key", args->new_key, make->label,
                            make->id, uri, err);
    if (backend == NULL)
        return make->label == NULL && make->id == NULL
                   ? KS_OK
                   : ks_fail(err, KS_E_INVALID,
                             "%s: is for a new key: --backend or --new-key "
                             "says where",
                             make->label != NULL ? "--key-label" : "--key-id");
    name = make->label != NULL ? make->label : name;
    if (name == NULL)
        return ks_fail(err, KS_E_INVALID,
                       "--backend: no name for the key: give --san, "
                       "--key-label or --new-key");
    return args_uri_make(cli, backend, name, make->id, uri, err);
}

/* An option that has no meaning for a key that exists; NULL if none is
 * given. */
static const char *only_for_new(const struct args_new *args)
{
    const char *const options[][2] = {
        {args->key_type, "--key-type"},
        {args->passout, "--passout"},
        {args->label, "--key-label"},
        {args->id, "--key-id"},
    };

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (options[i][0] != NULL)
            return options[i][1];
    return NULL;
}

static ks_rc check_key(const struct cli *cli, const struct args_key *args,
                       struct ks_err *err)
{
    int given =
        (args->key != NULL) + (args->new_key != NULL) + (args->backend != NULL);
    const char *made = only_for_new(&args->make);

    if (given > 1)
        return ks_fail(err, KS_E_INVALID,
                       "--key, --new-key, --backend: only one of them");
    if (args->key != NULL && made != NULL)
        return ks_fail(err, KS_E_INVALID, "--key: %s is for a new key", made);
    return check_new(cli, &args->make, err);
}

ks_rc args_key(struct cli *cli, const struct args_key *args,
               const char *fallback, const char *name,
               struct args_key_choice *choice, struct ks_err *err)
{
    ks_rc rc = check_key(cli, args, err);

    *choice = (struct args_key_choice){0};
    if (rc == KS_OK)
        rc = choose_uri(cli, args, fallback, name, &choice->uri, err);
    if (rc == KS_OK && choice->uri != NULL)
        rc = args_pins(cli, &args->make.pins, choice->uri, &choice->pins, err);
    if (rc != KS_OK)
        return ks_fail(err, rc, "key: %s", ks_rc_text(rc));
    choice->is_new = choice->uri != NULL && args->key == NULL;
    if (choice->is_new) {
        choice->spec = new_spec(&args->make, choice->uri);
        choice->spec.pins = choice->pins;
    }
    return KS_OK;
}

void args_key_clear(struct args_key_choice *choice)
{
    OPENSSL_clear_free(choice->uri,
                       choice->uri != NULL ? strlen(choice->uri) : 0);
    *choice = (struct args_key_choice){0};
}
