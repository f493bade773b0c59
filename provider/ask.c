/*
 * The ways to a key's secret. Who gives a secret with the key itself means
 * that one and no other; so a wrong pin-value never makes us try the
 * configured passphrase, or ask.
 */
#include "ask.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

ks_rc prov_pw_get(void *arg, const struct ks_question *question,
                  struct ks_secret *secret, struct ks_err *err)
{
    const struct prov_pw *pw = arg;
    char text[KS_SECRET_MAX];
    size_t len = 0;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PASSPHRASE_PARAM_INFO,
                                         (char *)question->whose, 0),
        OSSL_PARAM_END};
    ks_rc rc;

    if (pw->cb == NULL || question->attempt > 0)
        return ks_fail(err, KS_E_SECRET_MISSING, "no %s was given",
                       question->what);
    /* An empty answer counts as none: no key is sealed with it. */
    if (!pw->cb(text, sizeof(text), &len, params, pw->arg) || len == 0 ||
        len > sizeof(text))
        rc = ks_fail(err, KS_E_SECRET_MISSING, "no %s was given",
                     question->what);
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
        return ks_fail(err, KS_E_SECRET_MISSING, "no %s was given",
                       question->what);
    return ks_secret_prompt(question, secret, err);
}

enum {
    ASK_GIVEN,
    ASK_CONFIGURED,
    ASK_APPLICATION,
    ASK_NONE
};

static bool is_given(const struct prov_ask *ask)
{
    return ask->source != NULL ||
           (ask->uri != NULL &&
            (ask->uri->has_pin_value || ask->uri->pin_source != NULL));
}

static ks_rc get_given(const struct prov_ask *ask,
                       const struct ks_question *question,
                       struct ks_secret *secret, struct ks_err *err)
{
    if (ask->source != NULL)
        return ks_secret_resolve(ask->source, NULL, question, secret, err);
    if (ask->uri->has_pin_value)
        return ks_secret_set(secret, ask->uri->pin_value.data,
                             ask->uri->pin_value.len);
    return ks_secret_resolve(ask->uri->pin_source, NULL, question, secret, err);
}

/* The secret of one source; KS_E_SECRET_MISSING if it has none. */
static ks_rc get_from(const struct prov_ask *ask, unsigned source,
                      const struct ks_question *question,
                      struct ks_secret *secret, struct ks_err *err)
{
    struct ks_question first = *question;

    if (source == ASK_GIVEN)
        return is_given(ask) ? get_given(ask, question, secret, err)
                             : KS_E_SECRET_MISSING;
    if (is_given(ask))
        return KS_E_SECRET_MISSING;
    if (source == ASK_CONFIGURED)
        return ask->store->passphrase == NULL
                   ? KS_E_SECRET_MISSING
                   : ks_secret_resolve(ask->store->passphrase, ask->store->dir,
                                       question, secret, err);
    if (ask->application == NULL)
        return KS_E_SECRET_MISSING;
    first.attempt = 0; /* of this source */
    return ask->application->get(ask->application->arg, &first, secret, err);
}

ks_rc prov_ask_get(void *arg, const struct ks_question *question,
                   struct ks_secret *secret, struct ks_err *err)
{
    struct prov_ask *ask = arg;
    struct ks_question ours = *question;
    struct ks_err missing = {0}; /* of the sources that had nothing */
    ks_rc rc = KS_E_SECRET_MISSING;

    ours.whose = ask->whose;
    ours.confirm = ask->confirm;
    if (question->attempt == 0)
        ask->next = ASK_GIVEN;
    while (ask->next < ASK_NONE && rc == KS_E_SECRET_MISSING)
        rc = get_from(ask, ask->next++, &ours, secret, &missing);
    if (rc == KS_OK)
        return rc;
    if (missing.hint[0] != '\0')
        ks_hint(err, "%s", missing.hint);
    else if (rc == KS_E_SECRET_MISSING)
        ks_hint(err, "give one: passphrase = SOURCE in caadm.conf, "
                     "?pin-source=SOURCE in the URI, or the program's "
                     "own option (-passin)");
    if (missing.text[0] != '\0')
        return ks_fail(err, rc, "%s", missing.text);
    return ks_fail(err, rc, "no %s was given", ours.what);
}
