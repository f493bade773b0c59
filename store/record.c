/*
 * Records of keys, checked.
 */
#include "record.h"

#include "key_pair.h"
#include "seal/cms.h"
#include "seal/seal.h"

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
