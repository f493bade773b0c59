/*
 * Keys as backends keep them: their end.
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
