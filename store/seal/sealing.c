/*
 * How the keys of one place are sealed. One row a form; that of keys sealed to
 * other keys is in sealing_keys.c.
 */
#include "seal/sealing.h"

#include <string.h>

#include <openssl/crypto.h>

#include "record.h"
#include "seal/sealing_keys.h"
#include "seal/unlock.h"

struct ks_sealing {
    char *name; /* of the backend */
    char *propq;
    struct ks_crypto crypto;
    enum ks_form form;
    struct ks_kdf kdf; /* what a person's passphrase costs */
    bool random;       /* passphrases are drawn, and cost the least */
    struct ks_sealing_keys *keys;
};

/* What the section says. */
struct settings {
    const char *sealing, *passphrase, *seal_to, *kdf;
};

static ks_rc read_form(const char *name, const struct settings *settings,
                       enum ks_form *form, struct ks_err *err)
{
    const char *sealing = settings->sealing;
    const bool none = sealing != NULL && strcmp(sealing, "none") == 0;

    if (sealing != NULL && !none && strcmp(sealing, "passphrase") != 0)
        return ks_fail(err, KS_E_CONFIG,
                       "[backend %s] sealing: neither passphrase nor none",
                       name);
    if (settings->seal_to != NULL && sealing != NULL)
        return ks_fail(err, KS_E_CONFIG,
                       "[backend %s] seal_to: not together with sealing = %s",
                       name, sealing);
    if (settings->seal_to != NULL && settings->passphrase != NULL)
        return ks_fail(err, KS_E_CONFIG,
                       "[backend %s] seal_to: not together with passphrase: "
                       "keys are sealed to other keys or under a passphrase",
                       name);
    *form = none                        ? KS_FORM_PLAIN
            : settings->seal_to != NULL ? KS_FORM_CMS
                                        : KS_FORM_PASSPHRASE;
    return KS_OK;
}

static ks_rc read_kdf(const char *name, const struct settings *settings,
                      struct ks_kdf *kdf, struct ks_err *err)
{
    const char *text = settings->kdf != NULL ? settings->kdf : KS_KDF_DEFAULT;
    struct ks_err why = {0};

    if (ks_kdf_parse(text, kdf, &why) == KS_OK)
        return KS_OK;
    return ks_fail(err, KS_E_CONFIG, "[backend %s] kdf: %s", name, why.text);
}

static ks_rc fill(struct ks_sealing *sealing, const char *name,
                  const struct settings *settings,
                  const struct ks_crypto *crypto,
                  const struct ks_keyring *keyring, struct ks_err *err)
{
    ks_rc rc = read_form(name, settings, &sealing->form, err);

    if (rc == KS_OK)
        rc = read_kdf(name, settings, &sealing->kdf, err);
    if (rc != KS_OK)
        return rc;
    sealing->random = settings->passphrase != NULL &&
                      strcmp(settings->passphrase, "random") == 0;
    sealing->name = OPENSSL_strdup(name);
    if (crypto->propq != NULL)
        sealing->propq = OPENSSL_strdup(crypto->propq);
    if (sealing->name == NULL ||
        (crypto->propq != NULL && sealing->propq == NULL))
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    sealing->crypto.libctx = crypto->libctx;
    sealing->crypto.propq = sealing->propq;
    return ks_sealing_keys_new(name, settings->seal_to, &sealing->crypto,
                               keyring, &sealing->keys, err);
}

ks_rc ks_sealing_new(const char *name, const struct ks_setting *settings,
                     size_t n_settings, const struct ks_crypto *crypto,
                     const struct ks_keyring *keyring, struct ks_sealing **out,
                     struct ks_err *err)
{
    const struct settings said = {
        .sealing = ks_setting_get(settings, n_settings, "sealing"),
        .passphrase = ks_setting_get(settings, n_settings, "passphrase"),
        .seal_to = ks_setting_get(settings, n_settings, "seal_to"),
        .kdf = ks_setting_get(settings, n_settings, "kdf"),
    };
    struct ks_sealing *sealing = OPENSSL_zalloc(sizeof(*sealing));
    ks_rc rc;

    if (sealing == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    rc = fill(sealing, name, &said, crypto, keyring, err);
    if (rc != KS_OK)
        ks_sealing_free(sealing);
    else
        *out = sealing;
    return rc;
}

void ks_sealing_free(struct ks_sealing *sealing)
{
    if (sealing == NULL)
        return;
    ks_sealing_keys_free(sealing->keys);
    OPENSSL_free(sealing->name);
    OPENSSL_free(sealing->propq);
    OPENSSL_free(sealing);
}

enum ks_form ks_sealing_form(const struct ks_sealing *sealing)
{
    return sealing->form;
}

bool ks_sealing_is_random(const struct ks_sealing *sealing)
{
    return sealing->form == KS_FORM_PASSPHRASE && sealing->random;
}

/* ---- sealing and opening, a row a form ---- */

/* One call, and what it is about. */
struct opening {
    const struct ks_sealing *sealing;
    const char *uri;
    const struct ks_record *record;
    const char *with;
    bool any_seal;
    const struct ks_ask *ask;
};

static ks_rc seal_not(const struct ks_sealing *sealing, const char *uri,
                      const struct ks_secret *pkcs8, const struct ks_ask *ask,
                      struct ks_record *record, struct ks_err *err)
{
    (void)sealing;
    (void)uri;
    (void)ask;
    (void)err;
    return ks_secret_set(&record->private_half, pkcs8->data, pkcs8->len);
}

static ks_rc seal_passphrase(const struct ks_sealing *sealing, const char *uri,
                             const struct ks_secret *pkcs8,
                             const struct ks_ask *ask, struct ks_record *record,
                             struct ks_err *err)
{
    struct ks_buf sealed = {0};
    ks_rc rc = ks_lock_up(&sealing->crypto, uri, pkcs8, &sealing->kdf, ask,
                          &sealed, err);

    if (rc == KS_OK)
        rc = ks_secret_set(&record->private_half, sealed.data, sealed.len);
    ks_buf_clear(&sealed);
    return rc;
}

static ks_rc seal_to_keys(const struct ks_sealing *sealing, const char *uri,
                          const struct ks_secret *pkcs8,
                          const struct ks_ask *ask, struct ks_record *record,
                          struct ks_err *err)
{
    return ks_sealing_keys_seal(sealing->keys, uri, pkcs8, ask, record, err);
}

static ks_rc open_plain(const struct opening *call, struct ks_secret *pkcs8,
                        struct ks_err *err)
{
    const struct ks_sealing *sealing = call->sealing;
    const struct ks_secret *half = &call->record->private_half;

    if (sealing->form == KS_FORM_PLAIN || call->any_seal)
        return ks_secret_set(pkcs8, half->data, half->len);
    ks_hint(err,
            "\"caadm key reseal %s\" seals it; sealing = none in "
            "[backend %s] allows it",
            call->uri, sealing->name);
    return ks_fail(err, KS_E_DENIED,
                   "%s: key is not sealed, which [backend %s] requires",
                   call->uri, sealing->name);
}

static ks_rc open_passphrase(const struct opening *call,
                             struct ks_secret *pkcs8, struct ks_err *err)
{
    const struct ks_buf sealed = ks_record_sealed(call->record);

    return ks_unlock(&call->sealing->crypto, call->uri, &sealed, call->ask,
                     pkcs8, err);
}

static ks_rc open_keys(const struct opening *call, struct ks_secret *pkcs8,
                       struct ks_err *err)
{
    return ks_sealing_keys_open(call->sealing->keys, call->uri, call->record,
                                call->with, call->ask, pkcs8, err);
}

static bool always_current(const struct ks_sealing *sealing,
                           const struct ks_record *record)
{
    (void)sealing;
    (void)record;
    return true;
}

static bool costs(const struct ks_record *record, const struct ks_kdf *kdf)
{
    const struct ks_buf sealed = ks_record_sealed(record);
    struct ks_kdf now;

    return ks_seal_kdf(&sealed, &now) == KS_OK && now.n == kdf->n &&
           now.r == kdf->r && now.p == kdf->p;
}

static bool cost_is_current(const struct ks_sealing *sealing,
                            const struct ks_record *record)
{
    const struct ks_secret drawn = {.random = sealing->random};
    const struct ks_kdf kdf = ks_kdf_for(&drawn, &sealing->kdf);

    return costs(record, &kdf);
}

static bool keys_are_current(const struct ks_sealing *sealing,
                             const struct ks_record *record)
{
    return ks_sealing_keys_is_current(sealing->keys, record);
}

static const struct form {
    const char *word;
    ks_rc (*seal)(const struct ks_sealing *sealing, const char *uri,
                  const struct ks_secret *pkcs8, const struct ks_ask *ask,
                  struct ks_record *record, struct ks_err *err);
    ks_rc (*open)(const struct opening *call, struct ks_secret *pkcs8,
                  struct ks_err *err);
    bool (*is_current)(const struct ks_sealing *sealing,
                       const struct ks_record *record);
} forms[] = {
    [KS_FORM_PLAIN] = {"none", seal_not, open_plain, always_current},
    [KS_FORM_PASSPHRASE] = {"passphrase", seal_passphrase, open_passphrase,
                            cost_is_current},
    [KS_FORM_CMS] = {"keys", seal_to_keys, open_keys, keys_are_current},
};

/* NULL for a form that has none of this. */
static const struct form *form_of(const struct ks_record *record)
{
    const size_t form = (size_t)record->form;

    return form < sizeof(forms) / sizeof(forms[0]) && forms[form].word != NULL
               ? &forms[form]
               : NULL;
}

ks_rc ks_sealing_seal(const struct ks_sealing *sealing, const char *uri,
                      const struct ks_secret *pkcs8, const struct ks_ask *ask,
                      struct ks_record *record, struct ks_err *err)
{
    struct ks_record sealed = {.info = record->info, /* borrows it */
                               .form = sealing->form};
    ks_rc rc =
        forms[sealing->form].seal(sealing, uri, pkcs8, ask, &sealed, err);

    if (rc == KS_OK && sealed.private_half.len > KS_PRIVATE_HALF_MAX)
        rc = ks_fail(err, KS_E_INVALID, "%s: sealed, it is over %d bytes", uri,
                     KS_PRIVATE_HALF_MAX);
    sealed.info = (struct ks_key_info){.created = 0};
    if (rc != KS_OK) {
        ks_record_clear(&sealed);
        return rc;
    }
    ks_secret_clear(&record->private_half);
    OPENSSL_free(record->recipients);
    record->form = sealed.form;
    record->private_half = sealed.private_half;
    record->recipients = sealed.recipients;
    return KS_OK;
}

ks_rc ks_sealing_open(const struct ks_sealing *sealing, const char *uri,
                      const struct ks_record *record, const char *with,
                      bool any_seal, const struct ks_ask *ask,
                      struct ks_secret *pkcs8, struct ks_err *err)
{
    const struct opening call = {.sealing = sealing,
                                 .uri = uri,
                                 .record = record,
                                 .with = with,
                                 .any_seal = any_seal,
                                 .ask = ask};
    const struct form *form = form_of(record);

    if (form == NULL)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: is kept in a form that cannot be opened", uri);
    return form->open(&call, pkcs8, err);
}

bool ks_sealing_is_current(const struct ks_sealing *sealing,
                           const struct ks_record *record)
{
    return record->form == sealing->form &&
           forms[sealing->form].is_current(sealing, record);
}

bool ks_sealing_fits(const struct ks_sealing *sealing,
                     const struct ks_record *record,
                     const struct ks_secret *passphrase)
{
    const struct ks_kdf kdf = ks_kdf_for(passphrase, &sealing->kdf);

    return sealing->form == KS_FORM_PASSPHRASE &&
           record->form == KS_FORM_PASSPHRASE && costs(record, &kdf);
}

static ks_rc tell_kdf(const struct ks_record *record, ks_fact_fn *each,
                      void *arg, struct ks_err *err)
{
    const struct ks_buf sealed = ks_record_sealed(record);
    char text[KS_KDF_TEXT_SIZE] = "pbkdf2"; /* the only other that we open */
    struct ks_kdf kdf;

    if (ks_seal_kdf(&sealed, &kdf) == KS_OK)
        ks_kdf_format(&kdf, text);
    return each(arg, "kdf", text, err);
}

ks_rc ks_sealing_describe(const struct ks_sealing *sealing,
                          const struct ks_record *record, ks_fact_fn *each,
                          void *arg, struct ks_err *err)
{
    const struct form *form = form_of(record);
    ks_rc rc;

    if (form == NULL)
        return KS_OK;
    rc = each(arg, "sealing", form->word, err);
    if (rc == KS_OK && record->form == KS_FORM_PASSPHRASE)
        rc = tell_kdf(record, each, arg, err);
    if (rc == KS_OK && record->form == KS_FORM_CMS)
        rc = ks_sealing_keys_describe(sealing->keys, record, each, arg, err);
    if (rc == KS_OK)
        rc = each(arg, "sealing-current",
                  ks_sealing_is_current(sealing, record) ? "yes" : "no", err);
    return rc;
}
