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

/* A secret of the place's own, such as a PIN, and not a key's passphrase. */
static bool is_own(const struct ks_question *question)
{
    return question->setting != NULL && !is_setting(question, "passphrase");
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
    if (is_own(question))
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
    ASK_RANDOM,
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

/* Only a parameter or the section draws one: a URI names what is there. */
static bool is_drawn(const struct prov_ask *ask, const char *source,
                     const struct ks_question *question)
{
    const bool in_uri = ask->uri != NULL && source == ask->uri->pin_source;

    return question->confirm && !in_uri && ks_secret_is_random(source);
}

static ks_rc resolve(struct prov_ask *ask, const char *source, const char *dir,
                     const struct ks_question *question,
                     struct ks_secret *secret, struct ks_err *err)
{
    if (is_drawn(ask, source, question))
        return prov_random_draw(ask->store, ask->whose, &ask->random, secret,
                                err);
    return ks_secret_resolve(source, dir, question, secret, err);
}

static ks_rc get_given(struct prov_ask *ask, const struct given *given,
                       const struct ks_question *question,
                       struct ks_secret *secret, struct ks_err *err)
{
    if (given->value != NULL)
        return ks_secret_set(secret, given->value->data, given->value->len);
    if (is_given(given))
        return resolve(ask, given->source, NULL, question, secret, err);
    return KS_E_SECRET_MISSING;
}

/* What was drawn for a key that there is comes by get_random. */
static ks_rc get_configured(struct prov_ask *ask,
                            const struct ks_question *question,
                            struct ks_secret *secret, struct ks_err *err)
{
    const char *source =
        find_configured(ask, question->backend, question->setting);

    if (source == NULL || (!question->confirm && ks_secret_is_random(source)))
        return KS_E_SECRET_MISSING;
    return resolve(ask, source, ask->store->dir, question, secret, err);
}

/* Where the section does not speak of random secrets, one that cannot be read
 * is only guessed at: the next source is asked. */
static ks_rc get_random(struct prov_ask *ask,
                        const struct ks_question *question,
                        struct ks_secret *secret, struct ks_err *err)
{
    const bool expected = ks_secret_is_random(
        find_configured(ask, question->backend, question->setting));
    struct ks_err why = {0};
    ks_rc rc;

    if (question->confirm || question->setting != NULL)
        return KS_E_SECRET_MISSING;
    rc = prov_random_next(ask->store, ask->whose, &ask->random, secret, &why);
    if (rc == KS_OK)
        return rc;
    if (!expected) {
        /* Where there is no inventory, or an old one, there are none. */
        if (rc != KS_E_SECRET_MISSING && rc != KS_E_CONFIG)
            ask->unread = why;
        return KS_E_SECRET_MISSING;
    }
    if (rc == KS_E_SECRET_MISSING)
        ks_hint(err, "if it was sealed under a passphrase, give that "
                     "(-passin), or restore the inventory from a backup");
    else if (why.hint[0] != '\0')
        ks_hint(err, "%s", why.hint);
    return ks_fail(err, rc, "%s", why.text);
}

static ks_rc get_application(const struct prov_ask *ask,
                             const struct ks_question *question,
                             struct ks_secret *secret, struct ks_err *err)
{
    struct ks_question first = *question;

    if (ask->application == NULL || question->quiet)
        return KS_E_SECRET_MISSING;
    first.attempt = 0; /* of this source */
    return ask->application->get(ask->application->arg, &first, secret, err);
}

/* The secret of one source; KS_E_SECRET_MISSING if it has none. */
static ks_rc get_from(struct prov_ask *ask, unsigned source,
                      const struct ks_question *question,
                      struct ks_secret *secret, struct ks_err *err)
{
    const struct given given = find_given(ask, question->setting);

    if (source == ASK_GIVEN)
        return get_given(ask, &given, question, secret, err);
    if (is_given(&given) && !(source == ASK_RANDOM && ask->random_too))
        return KS_E_SECRET_MISSING;
    if (source == ASK_CONFIGURED)
        return get_configured(ask, question, secret, err);
    if (source == ASK_RANDOM)
        return get_random(ask, question, secret, err);
    return get_application(ask, question, secret, err);
}

/* As get_from, of the next source that has one. A key may have several random
 * secrets. */
static ks_rc get_next(struct prov_ask *ask, const struct ks_question *question,
                      struct ks_secret *secret, struct ks_err *err)
{
    ks_rc rc = KS_E_SECRET_MISSING;

    while (ask->next < ASK_NONE && rc == KS_E_SECRET_MISSING) {
        rc = get_from(ask, ask->next, question, secret, err);
        if (rc != KS_OK || ask->next != ASK_RANDOM)
            ask->next++;
    }
    return rc;
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
    if (is_own(question))
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

/* WHY is what the sources said that had nothing. */
static ks_rc refuse(const struct prov_ask *ask,
                    const struct ks_question *question, ks_rc rc,
                    const struct ks_err *why, struct ks_err *err)
{
    const bool unread =
        rc == KS_E_SECRET_MISSING && ask->unread.text[0] != '\0';
    char text[sizeof(why->text)];

    (void)snprintf(text, sizeof(text), "no %s was given", question->what);
    if (why->hint[0] != '\0')
        ks_hint(err, "%s", why->hint);
    else if (unread && ask->unread.hint[0] != '\0')
        ks_hint(err, "%s", ask->unread.hint);
    else if (rc == KS_E_SECRET_MISSING)
        missing_hint(question, err);
    return ks_fail(err, rc, "%s%s%s", why->text[0] != '\0' ? why->text : text,
                   unread ? "; " : "", unread ? ask->unread.text : "");
}

/* What is asked of the sources, with what only we know filled in. */
static struct ks_question refine(const struct prov_ask *ask,
                                 const struct ks_question *question)
{
    struct ks_question ours = *question;

    if (!is_own(question) || ours.whose == NULL)
        ours.whose = ask->whose;
    if (is_own(question)) /* its backend knows whether it is a new one */
        return ours;
    ours.confirm = ask->confirm;
    ours.setting = NULL;
    return ours;
}

ks_rc prov_ask_get(void *arg, const struct ks_question *question,
                   struct ks_secret *secret, struct ks_err *err)
{
    struct prov_ask *ask = arg;
    const struct ks_question ours = refine(ask, question);
    struct ks_err missing = {0}; /* of the sources that had nothing */
    ks_rc rc;

    if (is_pin(&ours)) {
        ks_rc both = check_one_pin(ask, &ours, err);

        if (both != KS_OK)
            return both;
        if (question->attempt > 0)
            return ks_fail(err, KS_E_SECRET_MISSING,
                           "a refused %s is not followed by another",
                           ours.what);
    }
    if (question->attempt == 0) {
        ask->next = ASK_GIVEN;
        ask->random.given = 0;
        ask->unread = (struct ks_err){0};
    }
    rc = get_next(ask, &ours, secret, &missing);
    return rc == KS_OK ? rc : refuse(ask, &ours, rc, &missing, err);
}

void prov_ask_mark(struct prov_ask *ask)
{
    prov_random_mark(ask->store, ask->whose, &ask->random);
}

ks_rc prov_ask_done(struct prov_ask *ask, ks_rc rc, struct ks_err *err)
{
    return prov_random_done(ask->store, ask->whose, &ask->random, rc, err);
}

void prov_ask_undo(struct prov_ask *ask)
{
    prov_random_undo(ask->store, ask->whose, &ask->random);
}
