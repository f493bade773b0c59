/*
 * The callbacks of material keys: a record comes and goes as it is. What its
 * private half is sealed with is no business of a backend's.
 *
 * A record whose form is KS_FORM_INSIDE is an operation key's (both.c): its
 * private half never leaves through here.
 */
#include "example.h"

ks_rc example_get(void *store, const char *name, struct ks_record *record,
                  struct ks_err *err)
{
    ks_rc rc = place_read(store, name, record, err);

    if (rc == KS_OK && record->form == KS_FORM_INSIDE)
        ks_secret_clear(&record->private_half);
    return rc;
}

ks_rc example_put(void *store, const char *name, const struct ks_record *record,
                  struct ks_err *err)
{
    if (record->form == KS_FORM_INSIDE)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "\"%s\": a key without a private half", name);
    return place_add(store, name, record, err);
}

/* True if NOW, which is kept, is OLD, as get gave it. */
static bool is_old(const struct ks_record *now, const struct ks_record *old)
{
    struct ks_record given = *now; /* borrows */

    if (given.form == KS_FORM_INSIDE)
        given.private_half = (struct ks_secret){0};
    return ks_record_equal(&given, old);
}

/* With the lock held. */
static ks_rc exchange(const struct place *place, const char *name,
                      const struct ks_record *old,
                      const struct ks_record *record, struct ks_err *err)
{
    struct ks_record now = {0};
    struct ks_record next = *record; /* borrows */
    struct ks_secret bytes = {0};
    ks_rc rc = place_read(place, name, &now, err);

    if (rc == KS_OK && !is_old(&now, old))
        rc = ks_fail(err, KS_E_BUSY, "key \"%s\" in %s was changed meanwhile",
                     name, place->path);
    if (rc == KS_OK &&
        (now.form == KS_FORM_INSIDE) != (next.form == KS_FORM_INSIDE))
        rc = ks_fail(err, KS_E_UNSUPPORTED,
                     "key \"%s\" in %s: stays what it is", name, place->path);
    if (rc == KS_OK && now.form == KS_FORM_INSIDE)
        next.private_half = now.private_half; /* new certificates, say */
    if (rc == KS_OK)
        rc = record_encode(place, name, &next, &bytes, err);
    if (rc == KS_OK)
        rc = folder_write(place, name, &bytes, err);
    ks_secret_clear(&bytes);
    ks_record_clear(&now);
    return rc;
}

ks_rc example_replace(void *store, const char *name,
                      const struct ks_record *old,
                      const struct ks_record *record, struct ks_err *err)
{
    const struct place *place = store;
    int lock;
    ks_rc rc = folder_lock(place, &lock, err);

    if (rc != KS_OK)
        return rc;
    rc = exchange(place, name, old, record, err);
    folder_unlock(lock);
    return rc;
}
