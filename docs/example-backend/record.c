/*
 * A record as the bytes of a file: fields, each a length of four bytes and
 * then so many bytes, and a SHA-256 digest of them all, so that a bit that
 * flips is noticed. The private half is sealed before it gets here, or not, as
 * the configuration wants it: either way the bytes are treated as a secret.
 */
#include "example.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define MAGIC "KSEXAMP1"
#define DIGEST_LEN 32
#define WHAT_LEN 9 /* form, and the time of creation */

/* Bytes being written; without DATA they are only counted. */
struct writer {
    uint8_t *data;
    size_t at;
};

static void write_bytes(struct writer *writer, const void *bytes, size_t len)
{
    if (writer->data != NULL && len > 0)
        memcpy(writer->data + writer->at, bytes, len);
    writer->at += len;
}

static void write_field(struct writer *writer, const void *bytes, size_t len)
{
    uint8_t size[4];

    for (int i = 0; i < 4; i++)
        size[i] = (uint8_t)(len >> (24 - 8 * i));
    write_bytes(writer, size, sizeof(size));
    write_bytes(writer, bytes, len);
}

static void write_text(struct writer *writer, const char *text)
{
    write_field(writer, text, text != NULL ? strlen(text) : 0);
}

static void write_buf(struct writer *writer, const struct ks_buf *buf)
{
    write_field(writer, buf->data, buf->len);
}

static void write_record(struct writer *writer, const char *name,
                         const struct ks_record *record)
{
    uint8_t what[WHAT_LEN] = {(uint8_t)record->form};

    for (int i = 0; i < 8; i++)
        what[1 + i] = (uint8_t)((uint64_t)record->info.created >> (56 - 8 * i));
    write_bytes(writer, MAGIC, strlen(MAGIC));
    write_text(writer, name);
    write_field(writer, what, sizeof(what));
    write_text(writer, record->info.origin);
    write_buf(writer, &record->info.spki);
    write_buf(writer, &record->info.cert);
    write_buf(writer, &record->info.chain);
    write_field(writer, record->private_half.data, record->private_half.len);
    write_text(writer, record->recipients);
}

static ks_rc digest(const struct place *place, const uint8_t *data, size_t len,
                    uint8_t out[DIGEST_LEN], struct ks_err *err)
{
    size_t out_len = DIGEST_LEN;

    if (EVP_Q_digest(place->libctx, "SHA2-256", place->propq, data, len, out,
                     &out_len) == 1)
        return KS_OK;
    return ks_fail(err, KS_E_CRYPTO, "%s: no SHA-256", place->path);
}

ks_rc record_encode(const struct place *place, const char *name,
                    const struct ks_record *record, struct ks_secret *bytes,
                    struct ks_err *err)
{
    struct ks_secret made = {0};
    struct writer writer = {0};
    ks_rc rc;

    write_record(&writer, name, record);
    rc = ks_secret_alloc(&made, writer.at + DIGEST_LEN);
    if (rc != KS_OK)
        return ks_fail(err, rc, "%s: out of memory", name);
    writer = (struct writer){.data = made.data};
    write_record(&writer, name, record);
    rc = digest(place, made.data, writer.at, made.data + writer.at, err);
    if (rc == KS_OK)
        *bytes = made;
    else
        ks_secret_clear(&made);
    return rc;
}

/* Bytes being read; BAD once there were too few. */
struct reader {
    const uint8_t *at;
    size_t left;
    bool bad;
};

static const uint8_t *read_bytes(struct reader *reader, size_t len)
{
    const uint8_t *at = reader->at;

    if (reader->bad || len > reader->left) {
        reader->bad = true;
        return NULL;
    }
    reader->at += len;
    reader->left -= len;
    return at;
}

/* *len is 0 if there is no field. */
static const uint8_t *read_field(struct reader *reader, size_t *len)
{
    const uint8_t *size = read_bytes(reader, 4);
    const uint8_t *field = NULL;

    *len = 0;
    if (size != NULL)
        *len = (size_t)size[0] << 24 | (size_t)size[1] << 16 |
               (size_t)size[2] << 8 | (size_t)size[3];
    field = read_bytes(reader, *len);
    if (field == NULL)
        *len = 0;
    return field;
}

static ks_rc read_buf(struct reader *reader, struct ks_buf *buf)
{
    size_t len;
    const uint8_t *field = read_field(reader, &len);

    return len > 0 ? ks_buf_set(buf, field, len) : KS_OK;
}

/* NULL and KS_OK if there is none. */
static ks_rc read_text(struct reader *reader, char **text)
{
    size_t len;
    const uint8_t *field = read_field(reader, &len);

    *text = NULL;
    if (len == 0)
        return KS_OK;
    *text = OPENSSL_strndup((const char *)field, len);
    return *text != NULL ? KS_OK : KS_E_NOMEM;
}

static void read_what(struct reader *reader, struct ks_record *record)
{
    size_t len;
    const uint8_t *what = read_field(reader, &len);
    uint64_t created = 0;

    if (len != WHAT_LEN) {
        reader->bad = true;
        return;
    }
    record->form = (enum ks_form)what[0];
    for (int i = 0; i < 8; i++)
        created = created << 8 | what[1 + i];
    record->info.created = (time_t)created;
}

static void read_origin(struct reader *reader, struct ks_key_info *info)
{
    size_t len;
    const uint8_t *origin = read_field(reader, &len);

    if (len >= sizeof(info->origin))
        reader->bad = true;
    else if (len > 0)
        memcpy(info->origin, origin, len); /* it is all zero before */
}

static void read_magic(struct reader *reader)
{
    const uint8_t *magic = read_bytes(reader, strlen(MAGIC));

    if (magic != NULL && memcmp(magic, MAGIC, strlen(MAGIC)) != 0)
        reader->bad = true;
}

ks_rc record_name(const struct ks_secret *bytes, char **name,
                  struct ks_err *err)
{
    struct reader reader = {bytes->data, bytes->len, false};
    ks_rc rc;

    read_magic(&reader);
    rc = read_text(&reader, name);
    if (rc == KS_OK && (*name == NULL || ks_key_name_check(*name, NULL) != 0))
        rc = ks_fail(err, KS_E_DAMAGED, "not a key of this backend");
    if (rc != KS_OK) {
        OPENSSL_free(*name);
        *name = NULL;
    }
    return rc;
}

static ks_rc read_record(struct reader *reader, struct ks_record *record)
{
    const uint8_t *half;
    size_t len;
    ks_rc rc;

    read_what(reader, record);
    read_origin(reader, &record->info);
    rc = read_buf(reader, &record->info.spki);
    if (rc == KS_OK)
        rc = read_buf(reader, &record->info.cert);
    if (rc == KS_OK)
        rc = read_buf(reader, &record->info.chain);
    half = read_field(reader, &len);
    if (rc == KS_OK && len > 0)
        rc = ks_secret_set(&record->private_half, half, len);
    if (rc == KS_OK)
        rc = read_text(reader, &record->recipients);
    return rc;
}

static ks_rc damaged(const struct place *place, const char *name,
                     struct ks_err *err)
{
    ks_hint(err, "restore it from a backup");
    return ks_fail(err, KS_E_DAMAGED, "key \"%s\" in %s is damaged", name,
                   place->path);
}

static ks_rc check_digest(const struct place *place, const char *name,
                          const struct ks_secret *bytes, struct ks_err *err)
{
    uint8_t sum[DIGEST_LEN];
    size_t len;
    ks_rc rc;

    if (bytes->len < DIGEST_LEN)
        return damaged(place, name, err);
    len = bytes->len - DIGEST_LEN;
    rc = digest(place, bytes->data, len, sum, err);
    if (rc == KS_OK && memcmp(sum, bytes->data + len, DIGEST_LEN) != 0)
        rc = damaged(place, name, err);
    return rc;
}

ks_rc record_decode(const struct place *place, const char *name,
                    const struct ks_secret *bytes, struct ks_record *record,
                    struct ks_err *err)
{
    struct ks_record found = {0};
    struct reader reader;
    char *written = NULL;
    ks_rc rc = check_digest(place, name, bytes, err);

    if (rc != KS_OK)
        return rc;
    reader = (struct reader){bytes->data, bytes->len - DIGEST_LEN, false};
    read_magic(&reader);
    rc = read_text(&reader, &written);
    if (rc == KS_OK)
        rc = read_record(&reader, &found);
    if (rc != KS_OK)
        (void)ks_fail(err, rc, "%s: out of memory", name);
    else if (reader.bad || reader.left != 0 || written == NULL ||
             strcmp(written, name) != 0)
        rc = damaged(place, name, err);
    if (rc == KS_OK) {
        *record = found;
        found = (struct ks_record){0}; /* given to the caller */
    }
    OPENSSL_free(written);
    ks_record_clear(&found);
    return rc;
}
