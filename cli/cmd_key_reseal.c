/*
 * caadm key reseal: keys are sealed as caadm.conf says now, or otherwise.
 * What is so already stays, so a run that was broken off is taken up by the
 * next one.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "args.h"
#include "ask.h"
#include "cmd.h"
#include "env.h"
#include "evp.h"
#include "key_facts.h"
#include "out.h"

struct reseal_args {
    const char *passin;
    const char *passout;
    struct opt_list seal_to;
    const char *kdf;
    const char *unseal_with;
};

#define AT(member) offsetof(struct reseal_args, member)
static const struct opt opts[] = {
    {"passin", 0, OPT_TEXT, AT(passin), "SOURCE",
     "where the old secret comes from; default: as the backend says, else "
     "ask, once"},
    {"passout", 0, OPT_TEXT, AT(passout), "SOURCE",
     "where the new secret comes from; default: as the backend says"},
    {"seal-to", 0, OPT_LIST, AT(seal_to), "URI",
     "seal to this key in the place of what caadm.conf says; may be given "
     "more than once"},
    {"kdf", 0, OPT_TEXT, AT(kdf), "scrypt:N:r:p",
     "what trying a passphrase costs, in the place of what caadm.conf says"},
    {"unseal-with", 0, OPT_TEXT, AT(unseal_with), "URI",
     "a key that opens the old seal, such as an escrow"},
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

struct resealing {
    struct cli *cli;
    struct ca_env env;
    const char *uri; /* canonical: of a key, or of a backend */
    bool many;
    struct ca_reseal_spec spec;
    char *seal_to;
    struct ca_strings keys;
    size_t resealed, current, failed;
    json_t *errors;
    ks_rc first; /* failure */
    struct ks_err why;
};

/* --- what is asked for ----------------------------------------------------
 */

static ks_rc join(const struct opt_list *list, char **out, struct ks_err *err)
{
    size_t size = 1;

    for (size_t i = 0; i < list->count; i++)
        size += strlen(list->items[i]) + 2;
    if (list->count == 0)
        return KS_OK;
    *out = OPENSSL_zalloc(size);
    if (*out == NULL)
        return ks_fail(err, KS_E_NOMEM, "--seal-to: out of memory");
    for (size_t i = 0; i < list->count; i++)
        (void)snprintf(*out + strlen(*out), size - strlen(*out), "%s%s",
                       i > 0 ? ", " : "", list->items[i]);
    return KS_OK;
}

static ks_rc check_kek(struct cli *cli, const char *option, const char *uri,
                       struct ks_err *err)
{
    ks_rc rc = args_uri_check(cli, option, uri, err);

    if (rc == KS_OK && ca_key_uri_is_ours(uri) && args_uri_is_listing(uri))
        rc = ks_fail(err, KS_E_INVALID, "%s: %s: names no key", option, uri);
    return rc;
}

static ks_rc check_args(struct cli *cli, const struct reseal_args *args,
                        struct ks_err *err)
{
    ks_rc rc = KS_OK;

    if (args->seal_to.count > 0 && args->passout != NULL)
        return ks_fail(err, KS_E_INVALID,
                       "--seal-to, --passout: only one of them: a key is "
                       "sealed to keys, or under a passphrase");
    if (args->seal_to.count > 0 && args->kdf != NULL)
        return ks_fail(err, KS_E_INVALID,
                       "--seal-to, --kdf: only one of them: the cost is a "
                       "passphrase's");
    for (size_t i = 0; rc == KS_OK && i < args->seal_to.count; i++)
        rc = check_kek(cli, "--seal-to", args->seal_to.items[i], err);
    if (rc == KS_OK && args->unseal_with != NULL)
        rc = check_kek(cli, "--unseal-with", args->unseal_with, err);
    if (rc == KS_OK)
        rc = cli_passphrase_check(cli, "--passout", args->passout, err);
    return rc;
}

/* A token guards its keys in its own way. */
static ks_rc refuse_token(const struct resealing *r, struct ks_err *err)
{
    if (!ca_key_on_token(&r->env, r->uri))
        return KS_OK;
    return ks_fail(err, KS_E_UNSUPPORTED,
                   "%s: keys on a token are not sealed by caadm", r->uri);
}

/* --- secrets, once --------------------------------------------------------
 */

static bool is_prompt(const char *source)
{
    return source != NULL && strcmp(source, "prompt") == 0;
}

/* A passphrase that a person has to give is given once for all keys. */
static ks_rc new_secret(struct resealing *r, struct ks_err *err)
{
    const struct ks_section *section = ca_key_section(&r->env, r->uri);
    const char *configured = ks_section_get(section, "passphrase");
    const char *sealing = ks_section_get(section, "sealing");
    const char **passout = &r->spec.passout;

    if (*passout == NULL &&
        (section == NULL || r->seal_to != NULL ||
         ks_section_get(section, "seal_to") != NULL ||
         (sealing != NULL && strcmp(sealing, "none") == 0) ||
         (configured != NULL && !is_prompt(configured))))
        return KS_OK;
    if (*passout == NULL || is_prompt(*passout))
        return cli_ask_once(r->cli, r->uri, true, passout, err);
    return cli_ask_read_once("--passout", "passphrase", passout, err);
}

/* The same for the old one, if a key is found that has one. */
static ks_rc old_secret(struct resealing *r, const char *uri,
                        struct ks_err *err)
{
    const struct ks_section *section = ca_key_section(&r->env, r->uri);
    const char *configured = ks_section_get(section, "passphrase");
    struct ks_err ignored = {0};
    json_t *facts = NULL;
    const char *sealing;
    ks_rc ignored_rc, rc = KS_OK;
    bool wanted;

    if (r->spec.passin != NULL && !is_prompt(r->spec.passin))
        return KS_OK;
    if (r->spec.passin == NULL && configured != NULL && !is_prompt(configured))
        return KS_OK;
    key_facts_get(&r->env, uri, &facts, &ignored_rc, &ignored);
    sealing = json_string_value(json_object_get(facts, "sealing"));
    wanted = sealing != NULL && strcmp(sealing, "passphrase") == 0 &&
             !json_is_true(json_object_get(facts, "random"));
    json_decref(facts);
    if (wanted && r->cli->stdin_tty)
        rc = cli_ask_once(r->cli, r->uri, false, &r->spec.passin, err);
    return rc;
}

/* --- one key after the other ----------------------------------------------
 */

/* What keeps one key from being resealed keeps no other from it, but for
 * these. */
static bool is_fatal(ks_rc rc)
{
    return rc == KS_E_INTERRUPTED || rc == KS_E_NOMEM || rc == KS_E_FULL ||
           rc == KS_E_CONFIG;
}

static ks_rc note_failure(struct resealing *r, const char *uri, ks_rc rc,
                          const struct ks_err *why, struct ks_err *err)
{
    json_t *one = json_pack("{s:o, s:o}", "uri", cli_json_text(uri), "error",
                            cli_json_text(why->text));

    r->failed++;
    if (json_array_append_new(r->errors, one) != 0)
        return ks_fail(err, KS_E_NOMEM, "%s: out of memory", uri);
    if (r->first == KS_OK) {
        r->first = rc;
        r->why = *why;
    }
    if (r->many)
        cli_warn(r->cli, "%s%s%s%s", why->text,
                 why->hint[0] != '\0' ? " (" : "", why->hint,
                 why->hint[0] != '\0' ? ")" : "");
    return KS_OK;
}

/* Deleted by another process since the listing began. Or it is there, and what
 * it is to be sealed to is not. */
static bool is_gone(const struct resealing *r, const char *uri)
{
    struct ks_err ignored = {0};
    EVP_PKEY *pkey = NULL;
    ks_rc rc = ca_key_load_public(&r->env, uri, &pkey, &ignored);

    EVP_PKEY_free(pkey);
    return rc == KS_E_NOT_FOUND;
}

static ks_rc reseal_one(struct resealing *r, const char *uri,
                        struct ks_err *err)
{
    struct ks_err why = {0};
    bool changed = false;
    ks_rc rc = cli_check_interrupt(err);

    if (rc == KS_OK)
        rc = old_secret(r, uri, err);
    if (rc != KS_OK)
        return rc;
    rc = ca_key_reseal(&r->env, uri, &r->spec, &changed, &why);
    if (rc == KS_OK && changed)
        r->resealed++;
    else if (rc == KS_OK)
        r->current++;
    if (rc == KS_OK || (rc == KS_E_NOT_FOUND && r->many && is_gone(r, uri)))
        return KS_OK;
    if (is_fatal(rc) || rc == KS_E_NOT_FOUND) {
        *err = why;
        return rc;
    }
    return note_failure(r, uri, rc, &why, err);
}

static ks_rc take_uri(void *arg, const char *uri, struct ks_err *err)
{
    struct ca_strings *keys = arg;
    char **items = OPENSSL_realloc(keys->items, (keys->n + 1) * sizeof(*items));
    char *copy = OPENSSL_strdup(uri);

    if (items != NULL)
        keys->items = items;
    if (items == NULL || copy == NULL) {
        OPENSSL_free(copy);
        return ks_fail(err, KS_E_NOMEM, "listing: out of memory");
    }
    keys->items[keys->n++] = copy;
    return KS_OK;
}

static ks_rc reseal_all(struct resealing *r, struct ks_err *err)
{
    ks_rc rc = r->many ? cli_key_each(r->cli, r->uri, take_uri, &r->keys, err)
                       : take_uri(&r->keys, r->uri, err);

    for (size_t i = 0; rc == KS_OK && i < r->keys.n; i++) {
        if (r->many)
            cli_progress(r->cli, "sealing keys", i + 1, r->keys.n);
        rc = reseal_one(r, r->keys.items[i], err);
    }
    cli_progress_end();
    return rc;
}

/* --- the end --------------------------------------------------------------
 */

static ks_rc report(struct resealing *r, struct ks_err *err)
{
    if (r->many)
        cli_note(r->cli,
                 "%s: %zu sealed anew, %zu current already, %zu failed%s",
                 r->uri, r->resealed, r->current, r->failed,
                 r->resealed + r->current + r->failed < r->keys.n
                     ? "; not all were looked at"
                     : "");
    else if (r->resealed > 0)
        cli_note(r->cli, "sealed %s anew", r->uri);
    else if (r->current > 0)
        cli_note(r->cli, "%s is sealed like that already", r->uri);
    if (!r->cli->globals.json)
        return KS_OK;
    return cli_out_json(r->cli,
                        json_pack("{s:o, s:I, s:I, s:I, s:I, s:O}", "uri",
                                  cli_json_text(r->uri), "keys",
                                  (json_int_t)r->keys.n, "resealed",
                                  (json_int_t)r->resealed, "current",
                                  (json_int_t)r->current, "failed",
                                  (json_int_t)r->failed, "errors", r->errors),
                        err);
}

static ks_rc reseal(struct resealing *r, const struct reseal_args *args,
                    struct ks_err *err)
{
    struct ks_err ignored = {0};
    ks_rc rc = check_args(r->cli, args, err);

    if (rc == KS_OK)
        rc = join(&args->seal_to, &r->seal_to, err);
    if (rc == KS_OK)
        rc = cli_env_keys(r->cli, KS_INVENTORY_WRITE, args->passin, &r->env,
                          err);
    if (rc == KS_OK)
        rc = refuse_token(r, err);
    r->errors = json_array();
    if (rc == KS_OK && r->errors == NULL)
        rc = ks_fail(err, KS_E_NOMEM, "%s: out of memory", r->uri);
    r->spec = (struct ca_reseal_spec){.act = "key.reseal",
                                      .passin = r->env.passin,
                                      .passout = args->passout,
                                      .seal_to = r->seal_to,
                                      .kdf = args->kdf,
                                      .unseal_with = args->unseal_with};
    if (rc == KS_OK)
        rc = new_secret(r, err);
    if (rc != KS_OK)
        return rc;
    rc = reseal_all(r, err);
    if (rc != KS_OK) { /* what was done is told all the same */
        if (r->resealed + r->current + r->failed > 0)
            (void)report(r, &ignored);
        return rc;
    }
    if (!r->many && r->first != KS_OK) {
        *err = r->why;
        return r->first;
    }
    rc = report(r, err);
    if (rc == KS_OK && r->first != KS_OK) {
        rc = r->first;
        *err = r->why;
    }
    return rc;
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    struct resealing r = {.cli = cli, .first = KS_OK};
    char *uri = NULL;
    ks_rc rc;

    r.many =
        ca_key_uri_is_ours(args->argv[0]) && args_uri_is_listing(args->argv[0]);
    rc = r.many ? ca_key_uri(args->argv[0], &uri, err)
                : args_uri_canonical(cli, "key", args->argv[0], &uri, err);
    r.uri = uri;
    if (rc == KS_OK)
        rc = reseal(&r, args->opts, err);
    json_decref(r.errors);
    ca_strings_clear(&r.keys);
    OPENSSL_free(r.seal_to);
    OPENSSL_free(uri);
    return rc;
}

const struct cmd cmd_key_reseal = {
    .noun = "key",
    .verb = "reseal",
    .summary = "Seal a key, or all of a backend, as caadm.conf says now",
    .args = "URI",
    .min_args = 1,
    .max_args = 1,
    .opts = opts,
    .opts_size = sizeof(struct reseal_args),
    .run = run,
    .about = "keystore://BACKEND/ stands for all keys of BACKEND. A key that "
             "is sealed like that already stays as it is, so a run that was "
             "interrupted is taken up by the next one. At any moment either "
             "the old or the new seal is there.",
    .example = "caadm key reseal keystore://default/",
};
