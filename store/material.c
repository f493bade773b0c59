/*
 * Material keys in a place.
 */
#include "material_own.h"

#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "certs.h"
#include "key_pair.h"
#include "record.h"

/* So often may a key be sealed anew while it is loaded. */
#define RESEALED_MAX 16

/* Without a name of its own a place has URIs for names. */
static ks_rc target_name(const struct ks_place *place, const char *name,
                         struct ks_target *target, struct ks_err *err)
{
    ks_rc rc = KS_OK;

    *target = (struct ks_target){.place = place, .name = name};
    if (place->name != NULL)
        rc = ks_uri_format(place->name, name, &target->uri);
    else
        target->uri = OPENSSL_strdup(name);
    if (rc != KS_OK || target->uri == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    return KS_OK;
}

void ks_target_clear(struct ks_target *target)
{
    ks_record_clear(&target->record);
    OPENSSL_free(target->uri);
}

ks_rc ks_target_get(const struct ks_place *place, const char *name,
                    struct ks_target *target, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc = target_name(place, name, target, err);

    if (rc == KS_OK)
        rc = place->backend->get(place->store, name, &target->record, err);
    if (rc != KS_OK)
        return rc;
    /* So that no backend need do so. */
    rc = ks_record_check(&target->record, &why);
    return rc == KS_OK ? KS_OK
                       : ks_fail(err, rc, "%s: %s", target->uri, why.text);
}

ks_rc ks_target_open(const struct ks_target *target, const char *with,
                     bool any_seal, const struct ks_ask *ask,
                     struct ks_secret *pkcs8, struct ks_err *err)
{
    const struct ks_place *place = target->place;
    struct ks_secret opened = {0};
    struct ks_err why = {0};
    ks_rc rc = ks_sealing_open(place->sealing, target->uri, &target->record,
                               with, any_seal, ask, &opened, err);

    if (rc != KS_OK)
        return rc;
    rc = ks_key_pair_check(place->crypto, &opened, &target->record.info.spki,
                           &why);
    if (rc != KS_OK) {
        ks_secret_clear(&opened);
        return ks_fail(err, rc, "%s: %s", target->uri, why.text);
    }
    ks_secret_clear(pkcs8);
    *pkcs8 = opened;
    return KS_OK;
}

bool ks_secret_same(const struct ks_secret *a, const struct ks_secret *b)
{
    return a->len == b->len && a->len > 0 &&
           CRYPTO_memcmp(a->data, b->data, a->len) == 0;
}

/* Whether the key was sealed anew while its secret was asked for, which then
 * does not fit: TARGET gets the new record. */
static bool has_new_seal(struct ks_target *target)
{
    const struct ks_place *place = target->place;
    struct ks_record now = {0};
    struct ks_record old = target->record;
    ks_rc rc = place->backend->get(place->store, target->name, &now, NULL);

    if (rc == KS_OK)
        rc = ks_record_check(&now, NULL);
    if (rc != KS_OK || ks_secret_same(&now.private_half, &old.private_half)) {
        ks_record_clear(&now);
        return false;
    }
    target->record = now;
    ks_record_clear(&old);
    return true;
}

static ks_rc open_newest(struct ks_target *target, const struct ks_ask *ask,
                         struct ks_secret *pkcs8, struct ks_err *err)
{
    for (unsigned tries = 0;; tries++) {
        struct ks_err why = {0};
        ks_rc rc = ks_target_open(target, NULL, false, ask, pkcs8, &why);

        if ((rc == KS_E_SECRET_WRONG || rc == KS_E_SECRET_MISSING) &&
            tries < RESEALED_MAX && has_new_seal(target))
            continue;
        if (why.hint[0] != '\0')
            ks_hint(err, "%s", why.hint);
        return rc == KS_OK ? rc : ks_fail(err, rc, "%s", why.text);
    }
}

ks_rc ks_material_load(const struct ks_place *place, const char *name,
                       const struct ks_ask *ask, struct ks_secret *pkcs8,
                       struct ks_err *err)
{
    struct ks_target target;
    ks_rc rc = ks_target_get(place, name, &target, err);

    if (rc == KS_OK && target.record.form == KS_FORM_INSIDE)
        rc = KS_E_UNSUPPORTED;
    else if (rc == KS_OK)
        rc = open_newest(&target, ask, pkcs8, err);
    ks_target_clear(&target);
    return rc;
}

/* ---- a new key ---- */

static ks_rc name_is_free(const struct ks_target *target, struct ks_err *err)
{
    const struct ks_place *place = target->place;
    struct ks_key_info info = {0};
    struct ks_err why = {0};
    ks_rc rc = place->backend->info(place->store, target->name, &info, &why);

    ks_key_info_clear(&info);
    if (rc == KS_E_NOT_FOUND)
        return KS_OK;
    if (rc == KS_OK || rc == KS_E_DAMAGED)
        return ks_fail(err, KS_E_EXISTS, "%s: there is a key of that name",
                       target->uri);
    if (why.hint[0] != '\0')
        ks_hint(err, "%s", why.hint);
    return ks_fail(err, rc, "%s", why.text);
}

static ks_rc check_new(const struct ks_target *target,
                       const struct ks_key_info *info,
                       const struct ks_secret *pkcs8, struct ks_err *err)
{
    const struct ks_crypto *crypto = target->place->crypto;
    struct ks_err why = {0};
    ks_rc rc = ks_key_pair_check(crypto, pkcs8, &info->spki, &why);

    if (rc == KS_OK)
        rc = ks_certs_check(crypto, &info->spki, &info->cert, &info->chain,
                            &why);
    return rc == KS_OK ? KS_OK
                       : ks_fail(err, rc, "%s: %s", target->uri, why.text);
}

ks_rc ks_material_save(const struct ks_place *place, const char *name,
                       const struct ks_key_info *info,
                       const struct ks_secret *pkcs8, const struct ks_ask *ask,
                       struct ks_err *err)
{
    struct ks_target target;
    struct ks_record *record = &target.record;
    ks_rc rc = target_name(place, name, &target, err);

    if (rc == KS_OK)
        rc = check_new(&target, info, pkcs8, err);
    if (rc == KS_OK)
        rc = name_is_free(&target, err);
    if (rc == KS_OK)
        rc = ks_key_info_copy(&record->info, info);
    if (rc == KS_OK)
        rc = ks_sealing_seal(place->sealing, target.uri, pkcs8, ask, record,
                             err);
    if (rc == KS_OK) {
        if (record->info.created == 0)
            record->info.created = time(NULL);
        rc = place->backend->put(place->store, name, record, err);
    }
    if (rc == KS_E_EXISTS)
        (void)ks_fail(err, rc, "%s: there is a key of that name", target.uri);
    ks_target_clear(&target);
    return rc;
}

/* ---- what is beside it ---- */

/* RECORD as it is kept, with other certificates. */
static ks_rc with_certs(const struct ks_record *old, const struct ks_buf *cert,
                        const struct ks_buf *chain, struct ks_record *record)
{
    ks_rc rc = ks_key_info_copy(&record->info, &old->info);

    if (rc == KS_OK)
        rc = ks_buf_set(&record->info.cert, cert->data, cert->len);
    if (rc == KS_OK)
        rc = ks_buf_set(&record->info.chain, chain->data, chain->len);
    if (rc == KS_OK)
        rc = ks_secret_set(&record->private_half, old->private_half.data,
                           old->private_half.len);
    record->form = old->form;
    if (rc == KS_OK && old->recipients != NULL) {
        record->recipients = OPENSSL_strdup(old->recipients);
        rc = record->recipients != NULL ? KS_OK : KS_E_NOMEM;
    }
    return rc;
}

ks_rc ks_material_certify(const struct ks_place *place, const char *name,
                          const struct ks_buf *cert, const struct ks_buf *chain,
                          struct ks_err *err)
{
    static const struct ks_buf none = {0};
    struct ks_target target;
    struct ks_record record = {0};
    struct ks_err why = {0};
    ks_rc rc = ks_target_get(place, name, &target, err);

    if (cert == NULL)
        cert = &none;
    if (chain == NULL)
        chain = &none;
    if (rc == KS_OK) {
        rc = ks_certs_check(place->crypto, &target.record.info.spki, cert,
                            chain, &why);
        if (rc != KS_OK)
            (void)ks_fail(err, rc, "%s: %s", target.uri, why.text);
    }
    if (rc == KS_OK)
        rc = with_certs(&target.record, cert, chain, &record);
    if (rc == KS_OK)
        rc = place->backend->replace(place->store, name, &target.record,
                                     &record, err);
    ks_record_clear(&record);
    ks_target_clear(&target);
    return rc;
}

static ks_rc describe_info(const struct ks_key_info *info, ks_fact_fn *each,
                           void *arg, struct ks_err *err)
{
    char created[32];
    struct tm tm;
    ks_rc rc = KS_OK;

    if (info->origin[0] != '\0')
        rc = each(arg, "origin", info->origin, err);
    if (rc == KS_OK && info->created != 0 &&
        gmtime_r(&info->created, &tm) != NULL &&
        strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
        rc = each(arg, "created", created, err);
    return rc;
}

ks_rc ks_material_describe(const struct ks_place *place, const char *name,
                           ks_fact_fn *each, void *arg, struct ks_err *err)
{
    struct ks_target target;
    ks_rc rc = ks_target_get(place, name, &target, err);

    if (rc == KS_OK)
        rc =
            ks_sealing_describe(place->sealing, &target.record, each, arg, err);
    if (rc == KS_OK)
        rc = describe_info(&target.record.info, each, arg, err);
    ks_target_clear(&target);
    return rc;
}
