/*
 * Keys as backends keep them: copied, compared, cleared.
 */
#include "ks_backend.h"

#include <string.h>

#include <openssl/crypto.h>

void ks_key_info_clear(struct ks_key_info *info)
{
    if (info == NULL)
        return;
    ks_buf_clear(&info->spki);
    ks_buf_clear(&info->cert);
    ks_buf_clear(&info->chain);
    memset(info, 0, sizeof(*info));
}

void ks_record_clear(struct ks_record *record)
{
    if (record == NULL)
        return;
    ks_key_info_clear(&record->info);
    ks_secret_clear(&record->private_half);
    OPENSSL_free(record->recipients);
    memset(record, 0, sizeof(*record));
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

void ks_record_take_info(struct ks_record *record, struct ks_key_info *info)
{
    *info = record->info;
    memset(&record->info, 0, sizeof(record->info)); /* given to *info */
    ks_record_clear(record);
}

static bool bytes_equal(const void *a, size_t a_len, const void *b,
                        size_t b_len)
{
    return a_len == b_len && (a_len == 0 || CRYPTO_memcmp(a, b, a_len) == 0);
}

static bool buf_equal(const struct ks_buf *a, const struct ks_buf *b)
{
    return bytes_equal(a->data, a->len, b->data, b->len);
}

static bool text_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool ks_record_equal(const struct ks_record *a, const struct ks_record *b)
{
    return a->form == b->form &&
           bytes_equal(a->private_half.data, a->private_half.len,
                       b->private_half.data, b->private_half.len) &&
           buf_equal(&a->info.spki, &b->info.spki) &&
           buf_equal(&a->info.cert, &b->info.cert) &&
           buf_equal(&a->info.chain, &b->info.chain) &&
           a->info.created == b->info.created &&
           strcmp(a->info.origin, b->info.origin) == 0 &&
           text_equal(a->recipients, b->recipients);
}
