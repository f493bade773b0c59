/*
 * The text of a key file: lines that explain, then PEM blocks (RFC 7468).
 */
#include "key_file.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "key_file_lines.h"
#include "key_pair.h"
#include "seal.h"

#define CERTIFICATE_LABEL "CERTIFICATE"

void ks_key_file_clear(struct ks_key_file *file)
{
    if (file == NULL)
        return;
    OPENSSL_free(file->name);
    ks_buf_clear(&file->sealed);
    ks_secret_clear(&file->plain);
    ks_key_info_clear(&file->info);
    memset(file, 0, sizeof(*file));
}

static ks_rc set_sealed(struct ks_key_file *file, const uint8_t *der,
                        size_t len)
{
    return ks_buf_set(&file->sealed, der, len);
}

static ks_rc set_plain(struct ks_key_file *file, const uint8_t *der, size_t len)
{
    return ks_secret_set(&file->plain, der, len);
}

static ks_rc set_spki(struct ks_key_file *file, const uint8_t *der, size_t len)
{
    return ks_buf_set(&file->info.spki, der, len);
}

static ks_rc set_cert(struct ks_key_file *file, const uint8_t *der, size_t len)
{
    return ks_buf_set(&file->info.cert, der, len);
}

/* Blocks of the same bit exclude each other and themselves. */
static const struct block {
    const char *label;
    unsigned bit;
    ks_rc (*set)(struct ks_key_file *file, const uint8_t *der, size_t len);
} blocks[] = {
    {PEM_STRING_PKCS8, 1, set_sealed},
    {PEM_STRING_PKCS8INF, 1, set_plain},
    {PEM_STRING_PUBLIC, 2, set_spki},
    {CERTIFICATE_LABEL, 4, set_cert},
};
#define N_BLOCKS (sizeof(blocks) / sizeof(blocks[0]))

static ks_rc take_block(struct ks_key_file *file, const char *label,
                        const char *header, const uint8_t *der, size_t len,
                        unsigned *seen, struct ks_err *err)
{
    if (header[0] != '\0')
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "PEM headers (the encryption of old OpenSSL files)");
    for (size_t i = 0; i < N_BLOCKS; i++) {
        if (strcmp(blocks[i].label, label) != 0)
            continue;
        if ((*seen & blocks[i].bit) != 0)
            return ks_fail(err, KS_E_DAMAGED, "second %s in one file", label);
        *seen |= blocks[i].bit;
        return blocks[i].set(file, der, len);
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
    return ks_fail(err, KS_E_DAMAGED, "%s is not what was written (SHA-256)",
                   what);
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
        rc = check_digest(crypto, "sealed key", &file->sealed,
                          lines.sealed_digest, err);
    if (rc == KS_OK)
        rc = check_digest(crypto, "public key", &file->info.spki,
                          lines.public_digest, err);
    if (rc == KS_OK)
        rc = ks_spki_check(&file->info.spki, err);
    if (rc == KS_OK && file->sealed.len > 0)
        rc = ks_seal_check(&file->sealed, err);
    file->name = lines.name; /* given to file */
    file->info.created = lines.created;
    if (rc != KS_OK)
        ks_key_file_clear(file);
    return rc;
}

static bool write_blocks(BIO *bio, const struct ks_key_file *file)
{
    const struct ks_buf *spki = &file->info.spki, *cert = &file->info.cert;
    bool sealed = file->sealed.len > 0;

    return PEM_write_bio(bio, sealed ? PEM_STRING_PKCS8 : PEM_STRING_PKCS8INF,
                         "", sealed ? file->sealed.data : file->plain.data,
                         (long)(sealed ? file->sealed.len : file->plain.len)) >
               0 &&
           PEM_write_bio(bio, PEM_STRING_PUBLIC, "", spki->data,
                         (long)spki->len) > 0 &&
           (cert->len == 0 || PEM_write_bio(bio, CERTIFICATE_LABEL, "",
                                            cert->data, (long)cert->len) > 0);
}

ks_rc ks_key_file_format(const struct ks_crypto *crypto,
                         const struct ks_key_file *file, struct ks_secret *text,
                         struct ks_err *err)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *data = NULL;
    long len;
    ks_rc rc = KS_E_NOMEM;

    ERR_set_mark();
    if (bio == NULL || !ks_key_lines_write(crypto, file, bio) ||
        !write_blocks(bio, file))
        goto out;
    len = BIO_get_mem_data(bio, &data);
    if (len > KS_KEY_FILE_MAX)
        rc = ks_fail(err, KS_E_INVALID, "key is too large for a key file");
    else if (len > 0)
        rc = ks_secret_set(text, data, (size_t)len);
out:
    ERR_pop_to_mark();
    BIO_free(bio); /* wipes: it is a secure one */
    return rc;
}
