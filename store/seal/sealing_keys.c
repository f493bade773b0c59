/*
 * Sealing to other keys: their list, and what can be told without opening
 * anything.
 */
#include "seal/sealing_keys.h"

#include <stdio.h>
#include <string.h>

#include "record.h"
#include "seal/sealing_keys_own.h"

#define SHOWN_MAX 160 /* bytes of a URI in an error text */

/* ---- life ---- */

static ks_rc fill(struct ks_sealing_keys *keys, const char *name,
                  const char *seal_to, const struct ks_crypto *crypto,
                  const struct ks_keyring *keyring, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc;

    keys->name = OPENSSL_strdup(name);
    keys->propq = crypto->propq != NULL ? OPENSSL_strdup(crypto->propq) : NULL;
    keys->lock = CRYPTO_THREAD_lock_new();
    if (keys->name == NULL || keys->lock == NULL ||
        (crypto->propq != NULL && keys->propq == NULL))
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    keys->crypto.libctx = crypto->libctx;
    keys->crypto.propq = keys->propq;
    if (keyring != NULL)
        keys->keyring = *keyring;
    if (seal_to == NULL)
        return KS_OK;
    rc = ks_seal_to_parse(seal_to, name, &keys->seal_to, &why);
    if (rc == KS_OK)
        return rc;
    ks_hint(err, "%s", why.hint);
    return ks_fail(err, rc, "[backend %s] seal_to: %s", name, why.text);
}

ks_rc ks_sealing_keys_new(const char *name, const char *seal_to,
                          const struct ks_crypto *crypto,
                          const struct ks_keyring *keyring,
                          struct ks_sealing_keys **out, struct ks_err *err)
{
    struct ks_sealing_keys *keys = OPENSSL_zalloc(sizeof(*keys));
    ks_rc rc;

    if (keys == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    rc = fill(keys, name, seal_to, crypto, keyring, err);
    if (rc == KS_OK)
        *out = keys;
    else
        ks_sealing_keys_free(keys);
    return rc;
}

void ks_sealing_keys_free(struct ks_sealing_keys *keys)
{
    if (keys == NULL)
        return;
    ks_seal_to_clear(&keys->seal_to);
    CRYPTO_THREAD_lock_free(keys->lock);
    OPENSSL_free(keys->name);
    OPENSSL_free(keys->propq);
    OPENSSL_free(keys);
}

/* ---- for the other files ---- */

ks_rc ks_sealing_keys_id(const struct ks_sealing_keys *keys, const char *uri,
                         uint8_t id[KS_KEY_ID_LEN], struct ks_buf *spki,
                         struct ks_err *err)
{
    const struct ks_keyring *ring = &keys->keyring;
    struct ks_buf half = {0};
    ks_rc rc;

    if (ring->public_half == NULL)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "no other keys can be reached from here");
    rc = ring->public_half(ring->arg, uri, &half, err);
    if (rc == KS_OK)
        rc = ks_cms_recipient_check(&keys->crypto, &half, err);
    if (rc == KS_OK)
        rc = ks_cms_key_id(&keys->crypto, &half, id, err);
    if (rc == KS_OK && spki != NULL) {
        *spki = half;
        return KS_OK;
    }
    ks_buf_clear(&half);
    return rc;
}

void ks_failures_add(struct ks_failures *failures, const char *uri, ks_rc rc,
                     const struct ks_err *why)
{
    char *text = failures->err.text;
    const size_t used = strlen(text), size = sizeof(failures->err.text);
    const char *said = why->text[0] != '\0' ? why->text : ks_rc_text(rc);
    char shown[SHOWN_MAX];

    ks_uri_redact(uri, shown, sizeof(shown));
    /* Most of what is said of a key begins with its URI. */
    if (strncmp(said, shown, strlen(shown)) == 0)
        (void)snprintf(text + used, size - used, "%s%s", used > 0 ? "; " : "",
                       said);
    else
        (void)snprintf(text + used, size - used, "%s%s: %s",
                       used > 0 ? "; " : "", shown, said);
    if (why->hint[0] != '\0')
        ks_hint(&failures->err, "%s", why->hint);
    if (failures->first == KS_OK)
        failures->first = rc;
}

/* ---- what can be told unopened ---- */

struct ids {
    uint8_t at[KS_CMS_RECIPIENTS_MAX][KS_KEY_ID_LEN];
    size_t n;
};

static ks_rc ids_of(const struct ks_record *record, struct ids *ids,
                    struct ks_err *err)
{
    const struct ks_buf sealed = ks_record_sealed(record);

    return ks_cms_recipients(&sealed, ids->at, &ids->n, err);
}

/* The index of ID; ids->n if it is not there. */
static size_t find_id(const struct ids *ids, const uint8_t id[KS_KEY_ID_LEN])
{
    size_t i;

    for (i = 0; i < ids->n; i++)
        if (memcmp(ids->at[i], id, KS_KEY_ID_LEN) == 0)
            break;
    return i;
}

bool ks_sealing_keys_is_current(struct ks_sealing_keys *keys,
                                const struct ks_record *record)
{
    struct ids ids = {.n = 0};
    uint8_t id[KS_KEY_ID_LEN];

    if (ids_of(record, &ids, NULL) != KS_OK || ids.n != keys->seal_to.n)
        return false;
    for (size_t i = 0; i < keys->seal_to.n; i++)
        if (ks_sealing_keys_id(keys, keys->seal_to.uris[i], id, NULL, NULL) !=
                KS_OK ||
            find_id(&ids, id) == ids.n)
            return false;
    return true;
}

/* Which URI each of IDS belongs to; "": unknown. */
struct names {
    struct ids ids;
    char shown[KS_CMS_RECIPIENTS_MAX][KS_URI_MAX];
    size_t unknown;
};

/* Names those of LIST that can be reached, and counts those that cannot:
 * one of them is in *lost. */
static size_t name_by(const struct ks_sealing_keys *keys,
                      const struct ks_seal_to *list, struct names *names,
                      const char **lost)
{
    size_t n_lost = 0;

    for (size_t i = 0; i < list->n; i++) {
        uint8_t id[KS_KEY_ID_LEN];
        size_t at;

        if (ks_sealing_keys_id(keys, list->uris[i], id, NULL, NULL) != KS_OK) {
            *lost = list->uris[i];
            n_lost++;
            continue;
        }
        at = find_id(&names->ids, id);
        if (at == names->ids.n || names->shown[at][0] != '\0')
            continue;
        ks_uri_redact(list->uris[i], names->shown[at], KS_URI_MAX);
        names->shown[at][strcspn(names->shown[at], "?")] = '\0';
        names->unknown--;
    }
    return n_lost;
}

static void name_rest(struct names *names, const char *lost)
{
    for (size_t i = 0; i < names->ids.n; i++) {
        char *shown = names->shown[i];

        if (shown[0] != '\0')
            continue;
        if (lost != NULL)
            ks_uri_redact(lost, shown, KS_URI_MAX);
        else
            for (size_t k = 0; k < KS_KEY_ID_LEN; k++)
                (void)snprintf(shown + 2 * k, 3, "%02x", names->ids.at[i][k]);
    }
}

ks_rc ks_sealing_keys_describe(struct ks_sealing_keys *keys,
                               const struct ks_record *record, ks_fact_fn *each,
                               void *arg, struct ks_err *err)
{
    struct names *names = OPENSSL_zalloc(sizeof(*names));
    struct ks_seal_to hints = {0};
    const char *lost = NULL;
    size_t n_lost;
    ks_rc rc;

    if (names == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    rc = ids_of(record, &names->ids, err);
    if (rc == KS_OK && record->recipients != NULL)
        rc = ks_seal_to_from_hints(record->recipients, &hints, err);
    if (rc != KS_OK)
        goto out;
    names->unknown = names->ids.n;
    (void)name_by(keys, &keys->seal_to, names, &lost); /* hints decide below */
    lost = NULL;
    n_lost = name_by(keys, &hints, names, &lost);
    /* One is unknown, and one hint leads nowhere: a token that is away. */
    name_rest(names, names->unknown == 1 && n_lost == 1 ? lost : NULL);
    for (size_t i = 0; i < names->ids.n && rc == KS_OK; i++)
        rc = each(arg, "sealed-to", names->shown[i], err);
out:
    ks_seal_to_clear(&hints);
    OPENSSL_free(names);
    return rc;
}
