/*
 * Certification requests (RFC 2986): nothing of one is believed but that its
 * sender has the private key.
 */
#include "csr.h"
#include "key.h"
#include "strength.h"
#include "texts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define PEM_MARK "-----BEGIN "

void ca_csr_free(struct ca_csr *csr)
{
    if (csr == NULL)
        return;
    X509_REQ_free(csr->req);
    OPENSSL_free(csr);
}

const X509_REQ *ca_csr_request(const struct ca_csr *csr)
{
    return csr->req;
}

static bool is_blank(const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr(" \t\r\n", data[i]) == NULL || data[i] == '\0')
            return false;
    }
    return true;
}

/* The DER inside a PEM block; text may stand before it, nothing after. */
static ks_rc from_pem(const char *name, const void *data, size_t len,
                      struct ks_buf *der, struct ks_err *err)
{
    BIO *bio = BIO_new_mem_buf(data, (int)len);
    char *label = NULL, *header = NULL, *rest = NULL;
    unsigned char *bytes = NULL;
    long n = 0, left;
    ks_rc rc;

    if (bio == NULL)
        return ca_nomem(err);
    if (PEM_read_bio(bio, &label, &header, &bytes, &n) != 1) {
        rc = ks_fail(err, KS_E_INVALID, "%s: damaged PEM", name);
        goto out;
    }
    if (strcmp(label, PEM_STRING_X509_REQ) != 0 &&
        strcmp(label, PEM_STRING_X509_REQ_OLD) != 0) {
        rc = ks_fail(err, KS_E_INVALID,
                     "%s: a \"%.40s\", not a certificate request", name, label);
        goto out;
    }
    left = BIO_get_mem_data(bio, &rest);
    if (left > 0 && !is_blank(rest, (size_t)left)) {
        rc = ks_fail(err, KS_E_INVALID, "%s: trailing data after the request",
                     name);
        goto out;
    }
    rc = ks_buf_set(der, bytes, (size_t)n);
out:
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_free(bytes);
    BIO_free(bio);
    return rc;
}

static bool looks_like_pem(const void *data, size_t len)
{
    return len > 0 && ((const unsigned char *)data)[0] != 0x30 &&
           memmem(data, len, PEM_MARK, strlen(PEM_MARK)) != NULL;
}

static ks_rc from_der(const struct ca_env *env, const char *name,
                      const struct ks_buf *der, struct ca_csr *csr,
                      struct ks_err *err)
{
    const unsigned char *p = der->data;

    csr->req = X509_REQ_new_ex(env->libctx, env->propq);
    if (csr->req == NULL)
        return ca_nomem(err);
    if (der->len == 0)
        return ks_fail(err, KS_E_INVALID, "%s: empty", name);
    if (d2i_X509_REQ(&csr->req, &p, (long)der->len) == NULL) {
        csr->req = NULL; /* freed by d2i */
        return ks_fail(err, KS_E_INVALID,
                       "%s: not a certificate request, PEM or DER", name);
    }
    if (p != der->data + der->len)
        return ks_fail(err, KS_E_INVALID, "%s: trailing data after the request",
                       name);
    return KS_OK;
}

/* RFC 4055, 3.1: the digest is in the parameters, SHA-1 if it is not. */
static int pss_digest(const X509_REQ *req)
{
    const X509_ALGOR *alg = NULL;
    RSA_PSS_PARAMS *params;
    const void *value = NULL;
    int type = V_ASN1_UNDEF, digest = NID_sha1;

    X509_REQ_get0_signature(req, NULL, &alg);
    X509_ALGOR_get0(NULL, &type, &value, alg);
    params = type == V_ASN1_SEQUENCE
                 ? ASN1_item_unpack(value, ASN1_ITEM_rptr(RSA_PSS_PARAMS))
                 : NULL;
    if (params != NULL && params->hashAlgorithm != NULL)
        digest = OBJ_obj2nid(params->hashAlgorithm->algorithm);
    RSA_PSS_PARAMS_free(params);
    return digest;
}

/* A signature by a broken digest proves nothing about who made it. */
static ks_rc check_digest(const char *name, const X509_REQ *req,
                          struct ks_err *err)
{
    static const int broken[] = {NID_md2, NID_md4, NID_md5, NID_sha1,
                                 NID_md5_sha1};
    int digest = NID_undef, pkey = NID_undef;
    int algorithm = X509_REQ_get_signature_nid(req);

    if (OBJ_find_sigid_algs(algorithm, &digest, &pkey) != 1)
        return ks_fail(err, KS_E_POLICY, "%s: unknown signature algorithm",
                       name);
    if (algorithm == NID_rsassaPss)
        digest = pss_digest(req);
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        if (digest == broken[i])
            return ks_fail(err, KS_E_POLICY, "%s: signed with %s", name,
                           OBJ_nid2sn(digest));
    }
    return KS_OK;
}

static ks_rc check(const struct ca_env *env, const char *name,
                   struct ca_csr *csr, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc;

    csr->pkey = X509_REQ_get0_pubkey(csr->req);
    if (csr->pkey == NULL)
        return ks_fail(err, KS_E_POLICY,
                       "%s: its public key is malformed or of an unknown type",
                       name);
    rc = ca_key_strength(csr->pkey, &why);
    if (rc != KS_OK)
        return ks_fail(err, rc, "%s: %s", name, why.text);
    if (!ca_key_is_plain(csr->pkey, X509_REQ_get_X509_PUBKEY(csr->req)))
        return ks_fail(err, KS_E_POLICY,
                       "%s: its public key is not in the usual encoding", name);
    rc = check_digest(name, csr->req, err);
    if (rc == KS_OK &&
        X509_REQ_verify_ex(csr->req, csr->pkey, env->libctx, env->propq) != 1)
        rc = ks_fail(err, KS_E_POLICY,
                     "%s: its signature is not by its own key", name);
    return rc;
}

static ks_rc hash_key(struct ca_csr *csr, struct ks_err *err)
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(csr->req), &der);
    ks_rc rc = len > 0 ? ca_sha256(der, (size_t)len, csr->spki_hash, err)
                       : ca_nomem(err);

    OPENSSL_free(der);
    return rc;
}

ks_rc ca_csr_parse(const struct ca_env *env, const char *name, const void *data,
                   size_t len, struct ca_csr **out, struct ks_err *err)
{
    struct ca_csr *csr = OPENSSL_zalloc(sizeof(*csr));
    struct ks_buf der = {0};
    ks_rc rc;

    *out = NULL;
    if (csr == NULL)
        return ca_nomem(err);
    (void)ERR_set_mark();
    if (len > CA_CSR_MAX)
        rc = ks_fail(err, KS_E_INVALID, "%s: over %d bytes", name, CA_CSR_MAX);
    else if (looks_like_pem(data, len))
        rc = from_pem(name, data, len, &der, err);
    else
        rc = ks_buf_set(&der, data, len);
    if (rc == KS_OK)
        rc = from_der(env, name, &der, csr, err);
    if (rc == KS_OK)
        rc = check(env, name, csr, err);
    if (rc == KS_OK)
        rc = ca_sha256(der.data, der.len, csr->hash, err);
    if (rc == KS_OK)
        rc = hash_key(csr, err);
    (void)ERR_pop_to_mark();
    ks_buf_clear(&der);
    if (rc == KS_OK) {
        *out = csr;
        csr = NULL; /* given to the caller */
    }
    ca_csr_free(csr);
    return rc;
}

static ks_rc read_all(FILE *file, const char *path, char *data, size_t *len,
                      struct ks_err *err)
{
    *len = fread(data, 1, CA_CSR_MAX + 1, file);
    if (ferror(file) != 0)
        return ks_fail_errno(err, ks_rc_of_errno(errno), "%s", path);
    if (*len > CA_CSR_MAX)
        return ks_fail(err, KS_E_INVALID, "%s: over %d bytes", path,
                       CA_CSR_MAX);
    return KS_OK;
}

static ks_rc open_file(const char *path, FILE **out, struct ks_err *err)
{
    struct stat st;

    /* Opening a FIFO would wait for a writer. */
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
        return ks_fail(err, KS_E_INVALID, "%s: not a regular file", path);
    *out = fopen(path, "re");
    if (*out == NULL)
        return ks_fail_errno(err, ks_rc_of_errno(errno), "%s", path);
    return KS_OK;
}

ks_rc ca_csr_read(const struct ca_env *env, const char *path,
                  struct ca_csr **out, struct ks_err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    const char *name = is_stdin ? "standard input" : path;
    FILE *file = stdin;
    char *data = NULL;
    size_t len = 0;
    ks_rc rc = KS_OK;

    *out = NULL;
    if (!is_stdin)
        rc = open_file(path, &file, err);
    if (rc != KS_OK)
        return rc;
    data = OPENSSL_malloc(CA_CSR_MAX + 1);
    rc = data == NULL ? ca_nomem(err) : read_all(file, name, data, &len, err);
    if (rc == KS_OK)
        rc = ca_csr_parse(env, name, data, len, out, err);
    OPENSSL_free(data);
    if (!is_stdin)
        (void)fclose(file); /* only read from */
    return rc;
}
