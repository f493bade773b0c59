/*
 * What is known of a key without its secret.
 */
#include "ks_backend.h"

void ks_key_info_clear(struct ks_key_info *info)
{
    if (info == NULL)
        return;
    ks_buf_clear(&info->spki);
    ks_buf_clear(&info->cert);
    info->created = 0;
}
