/*
 * The text of a key file: lines that explain, then PEM blocks (RFC 7468).
 */
#include "file/key_file.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "certs.h"
#include "file/key_file_lines.h"
#include "record.h"

void ks_key_file_clear(struct ks_key_file *file)
{
    if (file == NULL)
        return;
    OPENSSL_free(file->name);
    ks_record_clear(&file->record);
    memset(file, 0, sizeof(*file));
}

static ks_rc set_private(struct ks_record *record, enum ks_form form,
                         const uint8_t *der, size_t len)
{
    record->form = form;
    return ks_secret_set(&record->private_half, der, len);
}

static ks_rc set_spki(struct ks_record *record, enum ks_form form,
                      const uint8_t *der, size_t len)
{
    (void)form;
    return ks_buf_set(&record->info.spki, der, len);
}

/* The key's own certificate comes first. */
static ks_rc add_cert(struct ks_record *record, enum ks_form form,
                      const uint8_t *der, size_t len)
{
    struct ks_buf *chain = &record->info.chain;
    uint8_t *longer;

    (void)form;
    if (ks_certs_first(der, len) != len)
        return KS_E_DAMAGED;
    if (record->info.cert.len == 0)
        return ks_buf_set(&record->info.cert, der, len);
    longer = OPENSSL_realloc(chain->data, chain->len + len);
    if (longer == NULL)
        return KS_E_NOMEM;
    memcpy(longer + chain->len, der, len);
    chain->data = longer;
    chain->len += len;
    return KS_OK;
}

/* Blocks of the same bit exclude each other and themselves. */
static const struct block {
    const char *label;
    unsigned bit;
    enum ks_form form; /* of a private half */
    ks_rc (*set)(struct ks_record *record, enum ks_form form,
                 const uint8_t *der, size_t len);
} blocks[] = {
    {PEM_STRING_PKCS8, 1, KS_FORM_PASSPHRASE, set_private},
    {PEM_STRING_PKCS8INF, 1, KS_FORM_PLAIN, set_private},
    {PEM_STRING_CMS, 1, KS_FORM_CMS, set_private},
    {PEM_STRING_PUBLIC, 2, KS_FORM_INSIDE, set_spki},
    {PEM_STRING_X509, 0, KS_FORM_INSIDE, add_cert},
};
#define N_BLOCKS (sizeof(blocks) / sizeof(blocks[0]))

static ks_rc take_block(struct ks_key_file *file, const char *label,
                        const char *header, const uint8_t *der, size_t len,
                        unsigned *seen, struct ks_err *err)
{
    ks_rc rc;

    if (header[0] != '\0')
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "PEM headers (the encryption of old OpenSSL files)");
    for (size_t i = 0; i < N_BLOCKS; i++) {
        if (strcmp(blocks[i].label, label) != 0)
            continue;
        if ((*seen & blocks[i].bit) != 0)
            return ks_fail(err, KS_E_DAMAGED, "second %s in one file", label);
        *seen |= blocks[i].bit;
        rc = blocks[i].set(&file->record, blocks[i].form, der, len);
        return rc == KS_OK
                   ? rc
                   : ks_fail(err, rc, "%s: %s", label,
                             rc == KS_E_DAMAGED ? "not DER" : ks_rc_text(rc));
    }
    return ks_fail(err, KS_E_DAMAGED, "unexpected PEM block");
}

/* *more is false after the last block. */
static ks_rc read_block(BIO *bio, struct ks_key_file *file, unsigned *seen,
                        bool *more, struct ks_err *err)
{
    char *label = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len = 0;
    ks_rc rc;

    *more = PEM_read_bio_ex(bio, &label, &header, &der, &len,
                            PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE) == 1;
    if (*more)
        rc = take_block(file, label, header, der, (size_t)len, seen, err);
    else if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
        rc = KS_OK;
    else
        rc = ks_fail(err, KS_E_DAMAGED, "bad PEM, or cut short");
    OPENSSL_secure_free(label);
    OPENSSL_secure_free(header);
    OPENSSL_secure_clear_free(der, len > 0 ? (size_t)len : 0);
    return rc;
}

static ks_rc read_blocks(const uint8_t *data, size_t len,
                         struct ks_key_file *file, struct ks_err *err)
{
    BIO *bio = BIO_new_mem_buf(data, (int)len);
    unsigned seen = 0;
    bool more = true;
    ks_rc rc = bio != NULL ? KS_OK : KS_E_NOMEM;

    ERR_set_mark();
    while (rc == KS_OK && more)
        rc = read_block(bio, file, &seen, &more, err);
    ERR_pop_to_mark();
    BIO_free(bio);
    if (rc != KS_OK)
        return rc;
    if ((seen & 3) != 3)
        return ks_fail(err, KS_E_DAMAGED, "no %s in it",
                       (seen & 1) == 0 ? "private key" : "public key");
    return KS_OK;
}

static ks_rc check_digest(const struct ks_crypto *crypto, const char *what,
                          const struct ks_buf *der, const char *want,
                          struct ks_err *err)
{
    char have[KS_DIGEST_TEXT_LEN + 1];

    if (want[0] == '\0')
        return KS_OK;
    if (!ks_key_file_digest(crypto, der, have))
        return ks_fail(err, KS_E_CRYPTO, "no SHA-256 here");
    if (strcmp(have, want) == 0)
        return KS_OK;
    return ks_fail(err, KS_E_DAMAGED, "%s not what was written (SHA-256)",
                   what);
}

static ks_rc check_digests(const struct ks_crypto *crypto,
                           const struct ks_record *record,
                           const struct ks_key_lines *lines, struct ks_err *err)
{
    const struct ks_buf sealed = ks_record_sealed(record);
    struct ks_buf certs = {0};
    ks_rc rc = check_digest(crypto, "sealed key is", &sealed,
                            lines->sealed_digest, err);

    if (rc == KS_OK)
        rc = check_digest(crypto, "public key is", &record->info.spki,
                          lines->public_digest, err);
    if (rc == KS_OK)
        rc = ks_certs_join(&record->info, &certs);
    if (rc == KS_OK)
        rc = check_digest(crypto, "certificates are", &certs,
                          lines->certs_digest, err);
    ks_buf_clear(&certs);
    return rc;
}

/* LINES' texts are RECORD's from now on. */
static void take_lines(struct ks_key_file *file, struct ks_key_lines *lines)
{
    struct ks_record *record = &file->record;

    file->name = lines->name;
    record->info.created = lines->created;
    memcpy(record->info.origin, lines->origin, sizeof(record->info.origin));
    record->recipients = lines->recipients;
    lines->name = lines->recipients = NULL;
}

ks_rc ks_key_file_parse(const struct ks_crypto *crypto, const uint8_t *data,
                        size_t len, struct ks_key_file *file,
                        struct ks_err *err)
{
    struct ks_key_lines lines = {0};
    ks_rc rc;

    memset(file, 0, sizeof(*file));
    if (len == 0)
        return ks_fail(err, KS_E_DAMAGED, "file is empty");
    if (len > KS_KEY_FILE_MAX)
        return ks_fail(err, KS_E_DAMAGED, "larger than %d bytes",
                       KS_KEY_FILE_MAX);
    rc = ks_key_lines_parse(data, len, &lines, err);
    if (rc == KS_OK)
        rc = read_blocks(data, len, file, err);
    if (rc == KS_OK)
        rc = check_digests(crypto, &file->record, &lines, err);
    if (rc == KS_OK)
        rc = ks_record_check(&file->record, err);
    take_lines(file, &lines);
    if (rc != KS_OK)
        ks_key_file_clear(file);
    return rc;
}

static const char *label_of(enum ks_form form)
{
    for (size_t i = 0; i < N_BLOCKS; i++)
        if (blocks[i].form == form)
            return blocks[i].label;
    return NULL;
}

static bool write_block(BIO *bio, const char *label, const uint8_t *der,
                        size_t len)
{
    return PEM_write_bio(bio, label, "", der, (long)len) > 0;
}

static bool write_blocks(BIO *bio, const struct ks_record *record)
{
    const struct ks_buf *cert = &record->info.cert;
    const struct ks_buf *chain = &record->info.chain;
    bool ok =
        write_block(bio, label_of(record->form), record->private_half.data,
                    record->private_half.len) &&
        write_block(bio, PEM_STRING_PUBLIC, record->info.spki.data,
                    record->info.spki.len);

    if (cert->len > 0)
        ok = ok && write_block(bio, PEM_STRING_X509, cert->data, cert->len);
    for (size_t at = 0, len; ok && at < chain->len; at += len) {
        len = ks_certs_first(chain->data + at, chain->len - at);
        ok =
            len > 0 && write_block(bio, PEM_STRING_X509, chain->data + at, len);
    }
    return ok;
}

/* What is written is read first: a key that cannot be read again is lost. */
static ks_rc read_back(const struct ks_crypto *crypto, const char *name,
                       const struct ks_record *record,
                       const struct ks_secret *text, struct ks_err *err)
{
    struct ks_key_file file;
    struct ks_err why = {0};
    ks_rc rc = ks_key_file_parse(crypto, text->data, text->len, &file, &why);

    if (rc == KS_E_NOMEM)
        return rc;
    if (rc != KS_OK)
        rc =
            ks_fail(err, KS_E_INVALID, "no key file can hold it: %s", why.text);
    else if (!ks_record_equal(&file.record, record) ||
             (name != NULL) != (file.name != NULL) ||
             (name != NULL && strcmp(name, file.name) != 0))
        rc = ks_fail(err, KS_E_INVALID,
                     "no key file can hold it: name, times or URIs would be "
                     "read otherwise");
    ks_key_file_clear(&file);
    return rc;
}

ks_rc ks_key_file_format(const struct ks_crypto *crypto, const char *name,
                         const struct ks_record *record, struct ks_secret *text,
                         struct ks_err *err)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    struct ks_secret made = {0};
    char *data = NULL;
    long len;
    ks_rc rc = KS_E_NOMEM;

    ERR_set_mark();
    if (record->form == KS_FORM_INSIDE)
        rc = ks_fail(err, KS_E_INVALID, "a key file needs a private half");
    else if (bio != NULL && ks_key_lines_write(crypto, name, record, bio) &&
             write_blocks(bio, record)) {
        len = BIO_get_mem_data(bio, &data);
        rc = len > KS_KEY_FILE_MAX
                 ? ks_fail(err, KS_E_INVALID, "key is too large for a key file")
                 : ks_secret_set(&made, data, (size_t)len);
    }
    if (rc == KS_OK)
        rc = read_back(crypto, name, record, &made, err);
    if (rc == KS_OK) {
        ks_secret_clear(text);
        *text = made;
        made = (struct ks_secret){0}; /* given to the caller */
    }
    ks_secret_clear(&made);
    ERR_pop_to_mark();
    BIO_free(bio); /* wipes: it is a secure one */
    return rc;
}
