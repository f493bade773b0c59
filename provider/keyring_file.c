/*
 * Keys in PEM files.
 */
#include "keyring_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "seal/unlock.h"
#include "soft.h"

#define FILE_SCHEME "file:"
#define FILE_MAX (256 * 1024) /* bytes of a PEM file: a key and its chain */

bool prov_keyring_is_file(const char *uri)
{
    return strncasecmp(uri, FILE_SCHEME, strlen(FILE_SCHEME)) == 0;
}

/* RFC 8089, 2; ks_seal_to_parse has checked those of the configuration, not
 * what a person gave for this once. */
static const char *path_of(const char *uri)
{
    const char *path = uri + strlen(FILE_SCHEME);

    return strncmp(path, "///", 3) == 0 ? path + 2 : path;
}

/* ---- reading ---- */

/* Who can write the public half reads all that is sealed from then on. */
static ks_rc check_trusted(const char *uri, const struct stat *about,
                           struct ks_err *err)
{
    if ((about->st_uid == 0 || about->st_uid == geteuid()) &&
        (about->st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return KS_OK;
    ks_hint(err, "look whether it is still the right one; then chown it to "
                 "root or yourself, and chmod go-w it");
    return ks_fail(err, KS_E_DENIED,
                   "%s: others may write it, and would read what is sealed to "
                   "it",
                   uri);
}

/* The file that FD is, if it can be one of keys. */
static ks_rc read_open(const char *uri, int fd, bool trusted,
                       struct ks_secret *text, struct ks_err *err)
{
    struct stat about;
    size_t done = 0;

    if (fstat(fd, &about) != 0)
        return ks_fail_errno(err, ks_rc_of_errno(errno), "%s", uri);
    if (!S_ISREG(about.st_mode) || about.st_size > FILE_MAX)
        return ks_fail(err, KS_E_INVALID,
                       "%s: not a regular file of at most %d bytes", uri,
                       FILE_MAX);
    if (trusted && check_trusted(uri, &about, err) != KS_OK)
        return KS_E_DENIED;
    if (ks_secret_alloc(text, (size_t)about.st_size) != KS_OK)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    while (done < text->len) {
        ssize_t n = read(fd, text->data + done, text->len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ks_fail_errno(err, KS_E_IO, "%s", uri);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    text->len = done;
    return KS_OK;
}

static ks_rc read_file(const char *uri, bool trusted, struct ks_secret *text,
                       struct ks_err *err)
{
    int fd = open(path_of(uri), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ks_rc rc;

    if (fd < 0)
        return ks_fail_errno(err, ks_rc_of_errno(errno), "%s", uri);
    rc = read_open(uri, fd, trusted, text, err);
    (void)close(fd); /* read only */
    return rc;
}

/* WANTED is a list of labels up to a NULL; the first block in the file that
 * has one of them. Caller clears. KS_E_NOT_FOUND without a text. */
static ks_rc find_block(const struct ks_secret *text,
                        const char *const wanted[], const char **name,
                        struct ks_secret *der)
{
    BIO *bio = BIO_new_mem_buf(text->data, (int)text->len);
    ks_rc rc = bio != NULL ? KS_E_NOT_FOUND : KS_E_NOMEM;
    char *label = NULL, *header = NULL;
    unsigned char *data = NULL;
    long len = 0;

    ERR_set_mark();
    while (rc == KS_E_NOT_FOUND &&
           PEM_read_bio_ex(bio, &label, &header, &data, &len,
                           PEM_FLAG_SECURE) == 1) {
        for (size_t i = 0; wanted[i] != NULL; i++)
            /* A header says that it is encrypted (RFC 1421). */
            if (strcmp(wanted[i], label) == 0 && header[0] == '\0') {
                *name = wanted[i];
                rc = ks_secret_set(der, data, (size_t)len);
            }
        OPENSSL_secure_free(label);
        OPENSSL_secure_free(header);
        OPENSSL_secure_clear_free(data, (size_t)len);
    }
    ERR_pop_to_mark();
    BIO_free(bio);
    return rc;
}

static const char *const public_labels[] = {PEM_STRING_PUBLIC, PEM_STRING_X509,
                                            PEM_STRING_PKCS8INF, NULL};
static const char *const private_labels[] = {PEM_STRING_PKCS8INF,
                                             PEM_STRING_PKCS8, NULL};

static ks_rc read_block(const char *uri, const char *const wanted[],
                        const char **name, struct ks_secret *der,
                        struct ks_err *err)
{
    struct ks_secret text = {0};
    ks_rc rc = read_file(uri, wanted == public_labels, &text, err);

    if (rc == KS_OK)
        rc = find_block(&text, wanted, name, der);
    ks_secret_clear(&text);
    if (rc != KS_E_NOT_FOUND || (err != NULL && err->text[0] != '\0'))
        return rc;
    if (wanted == private_labels)
        ks_hint(err,
                "openssl pkcs8 -topk8 -in OLD -out NEW makes a file that has "
                "one");
    return ks_fail(err, rc,
                   wanted == private_labels
                       ? "%s: no private key (PKCS#8, PEM) in it"
                       : "%s: no public key, certificate or unencrypted "
                         "private key (PEM) in it",
                   uri);
}

/* ---- public halves ---- */

static ks_rc public_of_cert(const struct prov_ctx *ctx, const char *uri,
                            const struct ks_secret *der, struct ks_buf *spki,
                            struct ks_err *err)
{
    const unsigned char *at = der->data;
    X509 *cert = X509_new_ex(ctx->child, ctx->propq);
    unsigned char *out = NULL;
    int len = -1;
    ks_rc rc;

    ERR_set_mark();
    if (cert != NULL && d2i_X509(&cert, &at, (long)der->len) != NULL)
        len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &out);
    ERR_pop_to_mark();
    rc = len > 0 ? ks_buf_set(spki, out, (size_t)len)
                 : ks_fail(err, KS_E_DAMAGED, "%s: damaged certificate", uri);
    OPENSSL_free(out);
    X509_free(cert);
    return rc;
}

static ks_rc public_of_private(const struct prov_ctx *ctx, const char *uri,
                               const struct ks_secret *pkcs8,
                               struct ks_buf *spki, struct ks_err *err)
{
    EVP_PKEY *pkey = NULL;
    ks_rc rc = prov_soft_from_pkcs8(ctx, uri, pkcs8, &pkey, err);

    if (rc == KS_OK)
        rc = prov_soft_to_spki(ctx, pkey, spki, err);
    EVP_PKEY_free(pkey);
    return rc;
}

ks_rc prov_keyring_file_public(const struct prov_ctx *ctx, const char *uri,
                               struct ks_buf *spki, struct ks_err *err)
{
    const char *name = NULL;
    struct ks_secret der = {0};
    ks_rc rc = read_block(uri, public_labels, &name, &der, err);

    if (rc != KS_OK)
        return rc;
    if (strcmp(name, PEM_STRING_X509) == 0)
        rc = public_of_cert(ctx, uri, &der, spki, err);
    else if (strcmp(name, PEM_STRING_PKCS8INF) == 0)
        rc = public_of_private(ctx, uri, &der, spki, err);
    else
        rc = ks_buf_set(spki, der.data, der.len);
    ks_secret_clear(&der);
    return rc;
}

/* ---- private keys ---- */

ks_rc prov_keyring_file_private(const struct prov_ctx *ctx, const char *uri,
                                const struct ks_ask *ask,
                                struct ks_secret *pkcs8, struct ks_buf *spki,
                                struct ks_err *err)
{
    const struct ks_crypto crypto = {ctx->child, ctx->propq};
    const char *name = NULL;
    struct ks_secret der = {0}, plain = {0};
    ks_rc rc = read_block(uri, private_labels, &name, &der, err);

    if (rc == KS_OK && strcmp(name, PEM_STRING_PKCS8) == 0) {
        const struct ks_buf sealed = {der.data, der.len};

        rc = ks_unlock(&crypto, uri, &sealed, ask, &plain, err);
    } else if (rc == KS_OK) {
        plain = der;
        der = (struct ks_secret){0}; /* given to plain */
    }
    if (rc == KS_OK)
        rc = public_of_private(ctx, uri, &plain, spki, err);
    if (rc == KS_OK) {
        *pkcs8 = plain;
        plain = (struct ks_secret){0}; /* given to the caller */
    }
    ks_secret_clear(&der);
    ks_secret_clear(&plain);
    return rc;
}
