/*
 * Records of keys: checked, copied, compared.
 */
#include "record.h"

#include <string.h>

#include <openssl/crypto.h>

#include "cms.h"
#include "key_pair.h"
#include "seal.h"

struct ks_buf ks_record_sealed(const struct ks_record *record)
{
    const struct ks_buf sealed = {.data = record->private_half.data,
                                  .len = record->private_half.len};

    return sealed;
}

static ks_rc check_nothing(const struct ks_buf *half, struct ks_err *err)
{
    (void)half;
    (void)err;
    return KS_OK;
}

/* A private half that is not sealed is checked as it is used. */
static ks_rc (*const checks[])(const struct ks_buf *half,
                               struct ks_err *err) = {
    [KS_FORM_PLAIN] = check_nothing,
    [KS_FORM_PASSPHRASE] = ks_seal_check,
    [KS_FORM_CMS] = ks_cms_check};
#define N_CHECKS (sizeof(checks) / sizeof(checks[0]))

ks_rc ks_record_check(const struct ks_record *record, struct ks_err *err)
{
    const struct ks_buf half = ks_record_sealed(record);
    ks_rc rc = ks_spki_check(&record->info.spki, err);

    if (rc != KS_OK || record->form == KS_FORM_INSIDE)
        return rc;
    if ((size_t)record->form >= N_CHECKS)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "private half is kept in a form (%d) that is not known "
                       "here",
                       (int)record->form);
    if (half.len == 0)
        return ks_fail(err, KS_E_DAMAGED, "private half is missing");
    if (half.len > KS_PRIVATE_HALF_MAX)
        return ks_fail(err, KS_E_DAMAGED,
                       "private half is larger than %d bytes",
                       KS_PRIVATE_HALF_MAX);
    return checks[record->form](&half, err);
}

ks_rc ks_key_info_copy(struct ks_key_info *to, const struct ks_key_info *from)
{
    struct ks_key_info copy = {.created = from->created};
    ks_rc rc = ks_buf_set(&copy.spki, from->spki.data, from->spki.len);

    if (rc == KS_OK)
        rc = ks_buf_set(&copy.cert, from->cert.data, from->cert.len);
    if (rc == KS_OK)
        rc = ks_buf_set(&copy.chain, from->chain.data, from->chain.len);
    if (rc != KS_OK) {
        ks_key_info_clear(&copy);
        return rc;
    }
    memcpy(copy.origin, from->origin, sizeof(copy.origin));
    *to = copy;
    return KS_OK;
}

static bool buf_equal(const struct ks_buf *a, const struct ks_buf *b)
{
    return a->len == b->len &&
           (a->len == 0 || CRYPTO_memcmp(a->data, b->data, a->len) == 0);
}

static bool text_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool ks_record_equal(const struct ks_record *a, const struct ks_record *b)
{
    const struct ks_buf half_a = ks_record_sealed(a);
    const struct ks_buf half_b = ks_record_sealed(b);

    return a->form == b->form && buf_equal(&half_a, &half_b) &&
           buf_equal(&a->info.spki, &b->info.spki) &&
           buf_equal(&a->info.cert, &b->info.cert) &&
           buf_equal(&a->info.chain, &b->info.chain) &&
           a->info.created == b->info.created &&
           strcmp(a->info.origin, b->info.origin) == 0 &&
           text_equal(a->recipients, b->recipients);
}
