/*
 * A backend of both: where its section says "inside = yes", new keys are made
 * inside and stay there; else they are kept as records. Both kinds can be in
 * one place: for a record whose form is KS_FORM_INSIDE the keystore calls
 * open_key.
 */
#include "example.h"

/* KS_E_UNSUPPORTED with no text: make it outside, then put it. */
static ks_rc both_generate(void *store, const char *name,
                           const struct ks_keygen *spec,
                           const struct ks_ask *ask, struct ks_buf *spki,
                           struct ks_err *err)
{
    const struct place *place = store;

    if (!place->inside)
        return KS_E_UNSUPPORTED;
    return example_generate(store, name, spec, ask, spki, err);
}

/* And likewise: put it. */
static ks_rc both_import(void *store, const char *name,
                         const struct ks_buf *spki,
                         const struct ks_secret *pkcs8, unsigned usage,
                         const struct ks_ask *ask, struct ks_err *err)
{
    const struct place *place = store;

    if (!place->inside)
        return KS_E_UNSUPPORTED;
    return example_import(store, name, spki, pkcs8, usage, ask, err);
}

KS_BACKEND_EXPORT const struct ks_backend ks_backend = {
    .abi = KS_BACKEND_ABI,
    .type = "example-both",
    .open = example_open,
    .close = example_close,
    .list = example_list,
    .info = example_info,
    .remove = example_remove,
    .get = example_get,
    .put = example_put,
    .replace = example_replace,
    .generate = both_generate,
    .open_key = example_open_key,
    .import = both_import,
};
