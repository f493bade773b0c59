/*
 * Owned bytes, ordinary and secret. Setting copies first and clears after, so
 * that bytes inside the buffer itself may be given.
 */
#include "ks_buf.h"

#include <string.h>

#include <openssl/crypto.h>

ks_rc ks_buf_set(struct ks_buf *buf, const void *data, size_t len)
{
    uint8_t *copy = NULL;

    if (len > 0) {
        copy = OPENSSL_malloc(len);
        if (copy == NULL)
            return KS_E_NOMEM;
        memcpy(copy, data, len);
    }
    ks_buf_clear(buf);
    buf->data = copy;
    buf->len = len;
    return KS_OK;
}

void ks_buf_clear(struct ks_buf *buf)
{
    if (buf == NULL)
        return;
    OPENSSL_free(buf->data);
    buf->data = NULL;
    buf->len = 0;
}

ks_rc ks_secret_alloc(struct ks_secret *secret, size_t len)
{
    uint8_t *room;

    if (len == SIZE_MAX)
        return KS_E_NOMEM;
    room = OPENSSL_secure_zalloc(len + 1);
    if (room == NULL)
        return KS_E_NOMEM;
    ks_secret_clear(secret);
    secret->data = room;
    secret->len = len;
    return KS_OK;
}

ks_rc ks_secret_set(struct ks_secret *secret, const void *data, size_t len)
{
    struct ks_secret copy = {0};
    ks_rc rc = ks_secret_alloc(&copy, len);

    if (rc != KS_OK)
        return rc;
    if (len > 0)
        memcpy(copy.data, data, len);
    ks_secret_clear(secret);
    *secret = copy;
    return KS_OK;
}

void ks_secret_clear(struct ks_secret *secret)
{
    if (secret == NULL)
        return;
    if (secret->data != NULL)
        OPENSSL_secure_clear_free(secret->data, secret->len + 1);
    secret->data = NULL;
    secret->len = 0;
    secret->random = false;
}
