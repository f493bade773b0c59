/*
 * The ways to a key's secret. Who gives a secret with the key itself means
 * that one and no other; so a wrong pin-value never makes us try the
 * configured passphrase, or ask.
 */
#include "ask.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#define USER_PIN "user_pin"
#define SO_PIN "so_pin"

/* What a prompt names: a key by its URI, and beside it the secret if that is
 * not the key's own passphrase. */
#define PROMPT_MAX 512

static bool is_setting(const struct ks_question *question, const char *name)
{
    return question->setting != NULL && strcmp(question->setting, name) == 0;
}

static bool is_pin(const struct ks_question *question)
{
    return is_setting(question, USER_PIN) || is_setting(question, SO_PIN);
}

static ks_rc none_given(const struct ks_question *question, struct ks_err *err)
{
    return ks_fail(err, KS_E_SECRET_MISSING, "no %s was given", question->what);
}

ks_rc prov_pw_get(void *arg, const struct ks_question *question,
                  struct ks_secret *secret, struct ks_err *err)
{
    const struct prov_pw *pw = arg;
    char text[KS_SECRET_MAX], info[PROMPT_MAX];
    size_t len = 0;
    OSSL_PARAM params[] = {OSSL_PARAM_END, OSSL_PARAM_END};
    ks_rc rc;

    if (pw->cb == NULL || question->attempt > 0)
        return none_given(question, err);
    /* libcrypto asks "Enter pass phrase for INFO:". */
    if (is_pin(question))
        (void)snprintf(info, sizeof(info), "%s (%s)", question->whose,
                       question->what);
    else
        (void)snprintf(info, sizeof(info), "%s", question->whose);
    params[0] =
        OSSL_PARAM_construct_utf8_string(OSSL_PASSPHRASE_PARAM_INFO, info, 0);
    /* An empty answer counts as none: no key is sealed with it. */
    if (!pw->cb(text, sizeof(text), &len, params, pw->arg) || len == 0 ||
        len > sizeof(text))
        rc = none_given(question, err);
    else
        rc = ks_secret_set(secret, text, len);
    OPENSSL_cleanse(text, sizeof(text));
    return rc;
}

ks_rc prov_ask_terminal(void *arg, const struct ks_question *question,
                        struct ks_secret *secret, struct ks_err *err)
{
    (void)arg;
    if (question->attempt > 0)
        return none_given(question, err);
    return ks_secret_prompt(question, secret, err);
}

enum {
    ASK_GIVEN,
    ASK_CONFIGURED,
    ASK_APPLICATION,
    ASK_NONE
};

/* A secret given with the key: a value, or its source; neither: none. The
 * source "" takes back the configured one. */
struct given {
    const char *source;
    const struct ks_secret *value;
};

static struct given find_given(const struct prov_ask *ask, const char *setting)
{
    const bool is_so = setting != NULL && strcmp(setting, SO_PIN) == 0;
    struct given given = {0};

    if (ask->source != NULL && setting == NULL)
        given.source = ask->source;
    else if (ask->uri != NULL && is_so)
        given.source = ask->uri->so_pin_source;
    else if (ask->uri != NULL && ask->uri->has_pin_value)
        given.value = &ask->uri->pin_value;
    else if (ask->uri != NULL)
        given.source = ask->uri->pin_source;
    return given;
}

static bool is_given(const struct given *given)
{
    return given->value != NULL ||
           (given->source != NULL && given->source[0] != '\0');
}

static const char *find_configured(const struct prov_ask *ask,
                                   const char *backend, const char *setting)
{
    const struct given given = find_given(ask, setting);

    if (given.value != NULL || given.source != NULL)
        return NULL;
    return setting == NULL ? ask->store->passphrase
                           : prov_store_setting(ask->store, backend, setting);
}

/* The secret of one source; KS_E_SECRET_MISSING if it has none. */
static ks_rc get_from(const struct prov_ask *ask, unsigned source,
                      const struct ks_question *question,
                      struct ks_secret *secret, struct ks_err *err)
{
    const struct given given = find_given(ask, question->setting);
    struct ks_question first = *question;
    const char *configured;

    if (source == ASK_GIVEN && given.value != NULL)
        return ks_secret_set(secret, given.value->data, given.value->len);
    if (source == ASK_GIVEN && is_given(&given))
        return ks_secret_resolve(given.source, NULL, question, secret, err);
    if (source == ASK_GIVEN || is_given(&given))
        return KS_E_SECRET_MISSING;
    if (source == ASK_CONFIGURED) {
        configured = find_configured(ask, question->backend, question->setting);
        return configured == NULL
                   ? KS_E_SECRET_MISSING
                   : ks_secret_resolve(configured, ask->store->dir, question,
                                       secret, err);
    }
    if (ask->application == NULL || question->quiet)
        return KS_E_SECRET_MISSING;
    first.attempt = 0; /* of this source */
    return ask->application->get(ask->application->arg, &first, secret, err);
}

/* Where a PIN would come from, for a person; NULL if from nowhere. */
static const char *pin_origin(const struct prov_ask *ask,
                              const struct ks_question *question,
                              const char *setting, char *text, size_t size)
{
    const struct given given = find_given(ask, setting);
    const char *backend = question->backend;

    if (backend == NULL)
        backend = ask->store->name;
    if (is_given(&given))
        (void)snprintf(text, size, "%s of the URI",
                       given.value != NULL              ? "pin-value"
                       : strcmp(setting, USER_PIN) == 0 ? "pin-source"
                                                        : "so-pin-source");
    else if (find_configured(ask, question->backend, setting) != NULL)
        (void)snprintf(text, size, "%s of [backend %s]", setting,
                       backend != NULL ? backend : "");
    else
        return NULL;
    return text;
}

/* Both would be logged in, and a token has room for one. */
static ks_rc check_one_pin(const struct prov_ask *ask,
                           const struct ks_question *question,
                           struct ks_err *err)
{
    char user[128], so[128];

    if (pin_origin(ask, question, USER_PIN, user, sizeof(user)) == NULL ||
        pin_origin(ask, question, SO_PIN, so, sizeof(so)) == NULL)
        return KS_OK;
    ks_hint(err, "use one: an empty source takes back a configured PIN, "
                 "?pin-source= or ?so-pin-source= in the URI (caadm: "
                 "--user-pin \"\" or --so-pin \"\")");
    return ks_fail(err, KS_E_CONFIG,
                   "user PIN (%s) and SO PIN (%s) are both given", user, so);
}

static void missing_hint(const struct ks_question *question, struct ks_err *err)
{
    if (is_pin(question))
        ks_hint(err,
                "give it: %s = SOURCE in the backend's section of "
                "caadm.conf, ?%s=SOURCE in the URI, or the program's own "
                "option (-passin)",
                question->setting,
                is_setting(question, SO_PIN) ? "so-pin-source" : "pin-source");
    else
        ks_hint(err, "give one: passphrase = SOURCE in caadm.conf, "
                     "?pin-source=SOURCE in the URI, or the program's "
                     "own option (-passin)");
}

/* What is asked of the sources, with what only we know filled in. */
static struct ks_question refine(const struct prov_ask *ask,
                                 const struct ks_question *question)
{
    struct ks_question ours = *question;

    if (!is_pin(question) || ours.whose == NULL)
        ours.whose = ask->whose;
    ours.confirm = ask->confirm && !is_pin(question);
    if (question->setting != NULL &&
        strcmp(question->setting, "passphrase") == 0)
        ours.setting = NULL;
    return ours;
}

ks_rc prov_ask_get(void *arg, const struct ks_question *question,
                   struct ks_secret *secret, struct ks_err *err)
{
    struct prov_ask *ask = arg;
    const struct ks_question ours = refine(ask, question);
    struct ks_err missing = {0}; /* of the sources that had nothing */
    ks_rc rc = KS_E_SECRET_MISSING;

    if (is_pin(&ours)) {
        ks_rc both = check_one_pin(ask, &ours, err);

        if (both != KS_OK)
            return both;
        if (question->attempt > 0)
            return ks_fail(err, KS_E_SECRET_MISSING,
                           "a refused %s is not followed by another",
                           ours.what);
    }
    if (question->attempt == 0)
        ask->next = ASK_GIVEN;
    while (ask->next < ASK_NONE && rc == KS_E_SECRET_MISSING)
        rc = get_from(ask, ask->next++, &ours, secret, &missing);
    if (rc == KS_OK)
        return rc;
    if (missing.hint[0] != '\0')
        ks_hint(err, "%s", missing.hint);
    else if (rc == KS_E_SECRET_MISSING)
        missing_hint(&ours, err);
    if (missing.text[0] != '\0')
        return ks_fail(err, rc, "%s", missing.text);
    return ks_fail(err, rc, "no %s was given", ours.what);
}
