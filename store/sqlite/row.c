/*
 * Rows and their sums.
 */
#include "sqlite/row.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "sqlite/mark.h"

enum column {
    LABEL,
    CREATED,
    ORIGIN,
    SPKI,
    FORM,
    PRIVATE,
    RECIPIENTS,
    CERT,
    CHAIN,
    SUM,
    SPKI_SHA256,
    SPKI_SHA1,
    CERT_SHA256,
    CERT_SHA1,
    SUBJECT_HASH
};

/* Every part is preceded by its length, so that no two rows have the same
 * text to sum. */
static int add(EVP_MD_CTX *md, const void *data, size_t len)
{
    uint8_t length[8];

    for (size_t i = 0; i < sizeof(length); i++)
        length[i] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
    return EVP_DigestUpdate(md, length, sizeof(length)) == 1 &&
           (len == 0 || EVP_DigestUpdate(md, data, len) == 1);
}

static int add_number(EVP_MD_CTX *md, int64_t number)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
    return add(md, bytes, sizeof(bytes));
}

static int add_all(EVP_MD_CTX *md, const char *name,
                   const struct ks_record *record)
{
    const struct ks_key_info *info = &record->info;
    const char *recipients =
        record->recipients != NULL ? record->recipients : "";

    return add(md, name, strlen(name)) && add_number(md, info->created) &&
           add(md, info->origin, strlen(info->origin)) &&
           add(md, info->spki.data, info->spki.len) &&
           add_number(md, (int64_t)record->form) &&
           add(md, record->private_half.data, record->private_half.len) &&
           add(md, recipients, strlen(recipients)) &&
           add(md, info->cert.data, info->cert.len) &&
           add(md, info->chain.data, info->chain.len);
}

ks_rc ks_sqlite_row_sum(const struct ks_crypto *crypto, const char *name,
                        const struct ks_record *record,
                        uint8_t sum[static KS_SQLITE_SUM], struct ks_err *err)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_MD *sha256;
    unsigned len = 0;
    ks_rc rc = KS_OK;

    ERR_set_mark();
    sha256 = EVP_MD_fetch(crypto->libctx, "SHA2-256", crypto->propq);
    if (md == NULL || sha256 == NULL ||
        EVP_DigestInit_ex2(md, sha256, NULL) != 1 ||
        !add_all(md, name, record) || EVP_DigestFinal_ex(md, sum, &len) != 1)
        rc = ks_fail(err, KS_E_CRYPTO, "SHA-256 cannot be computed");
    ERR_pop_to_mark();
    EVP_MD_free(sha256);
    EVP_MD_CTX_free(md);
    return rc;
}

/* A column's bytes; none for NULL. Texts are asked for as blobs: no NUL or
 * bad UTF-8 in them is to be cut or mended. */
static const void *bytes_of(sqlite3_stmt *stmt, enum column column, size_t *len)
{
    const void *data = sqlite3_column_blob(stmt, (int)column);
    int n = sqlite3_column_bytes(stmt, (int)column);

    *len = data != NULL && n > 0 ? (size_t)n : 0;
    return data;
}

static ks_rc damaged(const char *what, struct ks_err *err)
{
    return ks_fail(err, KS_E_DAMAGED, "its row is damaged: %s", what);
}

static ks_rc read_buf(sqlite3_stmt *stmt, enum column column,
                      struct ks_buf *buf)
{
    size_t len;
    const void *data = bytes_of(stmt, column, &len);

    return len > 0 ? ks_buf_set(buf, data, len) : KS_OK;
}

static ks_rc read_origin(sqlite3_stmt *stmt, struct ks_key_info *info,
                         struct ks_err *err)
{
    size_t len;
    const void *data = bytes_of(stmt, ORIGIN, &len);

    if (len >= sizeof(info->origin) || (len > 0 && memchr(data, 0, len)))
        return damaged("origin", err);
    if (len > 0)
        memcpy(info->origin, data, len);
    return KS_OK;
}

static ks_rc read_recipients(sqlite3_stmt *stmt, struct ks_record *record,
                             struct ks_err *err)
{
    size_t len;
    const char *data = bytes_of(stmt, RECIPIENTS, &len);

    if (len == 0)
        return KS_OK;
    if (memchr(data, 0, len) != NULL)
        return damaged("recipients", err);
    record->recipients = OPENSSL_strndup(data, len);
    return record->recipients != NULL ? KS_OK : KS_E_NOMEM;
}

static ks_rc read_private(sqlite3_stmt *stmt, struct ks_record *record,
                          struct ks_err *err)
{
    int form = sqlite3_column_int(stmt, FORM);
    size_t len;
    const void *data = bytes_of(stmt, PRIVATE, &len);

    if (form < KS_FORM_PLAIN || form > KS_FORM_CMS)
        return damaged("form", err);
    if (len == 0 || len > KS_PRIVATE_HALF_MAX)
        return damaged("private half", err);
    record->form = (enum ks_form)form;
    return ks_secret_set(&record->private_half, data, len);
}

static ks_rc read_columns(sqlite3_stmt *stmt, struct ks_record *record,
                          struct ks_err *err)
{
    ks_rc rc = read_origin(stmt, &record->info, err);

    record->info.created = (time_t)sqlite3_column_int64(stmt, CREATED);
    if (rc == KS_OK)
        rc = read_buf(stmt, SPKI, &record->info.spki);
    if (rc == KS_OK)
        rc = read_private(stmt, record, err);
    if (rc == KS_OK)
        rc = read_recipients(stmt, record, err);
    if (rc == KS_OK)
        rc = read_buf(stmt, CERT, &record->info.cert);
    if (rc == KS_OK)
        rc = read_buf(stmt, CHAIN, &record->info.chain);
    return rc;
}

/* Over the label as it is in the row, which an index may have found under
 * another one. */
static ks_rc check_sum(const struct ks_crypto *crypto, sqlite3_stmt *stmt,
                       const char *name, const struct ks_record *record,
                       struct ks_err *err)
{
    uint8_t sum[KS_SQLITE_SUM];
    size_t label_len, sum_len;
    const void *label = bytes_of(stmt, LABEL, &label_len);
    const void *kept = bytes_of(stmt, SUM, &sum_len);
    ks_rc rc;

    if (label_len != strlen(name) || memcmp(label, name, label_len) != 0)
        return damaged("label", err);
    rc = ks_sqlite_row_sum(crypto, name, record, sum, err);
    if (rc == KS_OK &&
        (sum_len != sizeof(sum) || memcmp(kept, sum, sizeof(sum)) != 0))
        rc = damaged("not what its sum was made of", err);
    return rc;
}

ks_rc ks_sqlite_row_read(const struct ks_crypto *crypto, sqlite3_stmt *stmt,
                         const char *name, struct ks_record *record,
                         struct ks_err *err)
{
    struct ks_record read = {0};
    ks_rc rc = read_columns(stmt, &read, err);

    if (rc == KS_OK)
        rc = check_sum(crypto, stmt, name, &read, err);
    if (rc == KS_OK) {
        *record = read;
        read = (struct ks_record){0}; /* given to the caller */
    }
    ks_record_clear(&read);
    return rc;
}

static ks_rc make_marks(const struct ks_crypto *crypto,
                        struct ks_sqlite_row *row, struct ks_err *err)
{
    const struct ks_key_info *info = &row->record->info;
    ks_rc rc = ks_sqlite_digest(crypto, &info->spki, row->spki_sha256,
                                row->spki_sha1, err);

    if (rc != KS_OK || info->cert.len == 0)
        return rc;
    row->has_subject =
        ks_sqlite_subject_of_cert(crypto, &info->cert, &row->subject_hash);
    return ks_sqlite_digest(crypto, &info->cert, row->cert_sha256,
                            row->cert_sha1, err);
}

ks_rc ks_sqlite_row_make(const struct ks_crypto *crypto, const char *name,
                         const struct ks_record *record,
                         struct ks_sqlite_row *row, struct ks_err *err)
{
    ks_rc rc;

    if (record->form == KS_FORM_INSIDE)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "a database of keys cannot keep a key whose private "
                       "half is elsewhere");
    if (record->private_half.len == 0 ||
        record->private_half.len > KS_PRIVATE_HALF_MAX ||
        record->info.spki.len == 0)
        return ks_fail(err, KS_E_INVALID, "not a whole key");
    *row = (struct ks_sqlite_row){.name = name, .record = record};
    rc = ks_sqlite_row_sum(crypto, name, record, row->sum, err);
    return rc == KS_OK ? make_marks(crypto, row, err) : rc;
}

/* Binds without copying: the row outlives the statement's run. */
static int bind_blob(sqlite3_stmt *stmt, enum column column, const void *data,
                     size_t len)
{
    if (len == 0)
        return sqlite3_bind_null(stmt, (int)column + 1);
    return sqlite3_bind_blob64(stmt, (int)column + 1, data, len, SQLITE_STATIC);
}

static int bind_text(sqlite3_stmt *stmt, enum column column, const char *text)
{
    if (text == NULL)
        return sqlite3_bind_null(stmt, (int)column + 1);
    return sqlite3_bind_text64(stmt, (int)column + 1, text, strlen(text),
                               SQLITE_STATIC, SQLITE_UTF8);
}

static int bind_number(sqlite3_stmt *stmt, enum column column, int64_t number)
{
    return sqlite3_bind_int64(stmt, (int)column + 1, number);
}

int ks_sqlite_row_bind(sqlite3_stmt *stmt, const struct ks_sqlite_row *row)
{
    const struct ks_record *record = row->record;
    const struct ks_key_info *info = &record->info;
    bool cert = info->cert.len > 0;
    /* SQLITE_OK is 0: any other result stays. */
    int bad = bind_text(stmt, LABEL, row->name);

    bad |= bind_number(stmt, CREATED, info->created);
    bad |= bind_text(stmt, ORIGIN, info->origin);
    bad |= bind_blob(stmt, SPKI, info->spki.data, info->spki.len);
    bad |= bind_number(stmt, FORM, (int64_t)record->form);
    bad |= bind_blob(stmt, PRIVATE, record->private_half.data,
                     record->private_half.len);
    bad |= bind_text(stmt, RECIPIENTS, record->recipients);
    bad |= bind_blob(stmt, CERT, info->cert.data, info->cert.len);
    bad |= bind_blob(stmt, CHAIN, info->chain.data, info->chain.len);
    bad |= bind_blob(stmt, SUM, row->sum, sizeof(row->sum));
    bad |= bind_blob(stmt, SPKI_SHA256, row->spki_sha256,
                     sizeof(row->spki_sha256));
    bad |= bind_blob(stmt, SPKI_SHA1, row->spki_sha1, sizeof(row->spki_sha1));
    bad |= bind_blob(stmt, CERT_SHA256, row->cert_sha256,
                     cert ? sizeof(row->cert_sha256) : 0);
    bad |= bind_blob(stmt, CERT_SHA1, row->cert_sha1,
                     cert ? sizeof(row->cert_sha1) : 0);
    if (row->has_subject)
        bad |= bind_number(stmt, SUBJECT_HASH, row->subject_hash);
    return bad == SQLITE_OK ? SQLITE_OK : SQLITE_NOMEM;
}
