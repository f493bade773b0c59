/*
 * Searches. A backend that has an index is asked for names that may fit; a
 * token, or a folder, has none, and all its keys are looked at. What fits is
 * found out here, key by key.
 */
#include "search.h"

#include <limits.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/x509.h>

#include "names.h"

#define HITS_FIRST 16 /* entries that the array starts with */

/* One criterion: of the fields those of one kind are set. */
struct criterion {
    struct prov_ctx *ctx;
    const struct prov_place *place;
    X509_NAME *subject;
    struct ks_buf subject_der; /* borrowed */
    X509_NAME *issuer;         /* with SERIAL */
    BIGNUM *serial;
    EVP_MD *digest; /* of FINGERPRINT */
    const uint8_t *fingerprint;
    size_t fingerprint_len;
    const char *alias;
};

static void criterion_clear(struct criterion *criterion)
{
    X509_NAME_free(criterion->subject);
    X509_NAME_free(criterion->issuer);
    BN_free(criterion->serial);
    EVP_MD_free(criterion->digest);
}

static const char *const search_params[] = {
    OSSL_STORE_PARAM_SUBJECT,     OSSL_STORE_PARAM_ISSUER,
    OSSL_STORE_PARAM_SERIAL,      OSSL_STORE_PARAM_DIGEST,
    OSSL_STORE_PARAM_FINGERPRINT, OSSL_STORE_PARAM_ALIAS};

bool prov_search_wanted(const OSSL_PARAM params[])
{
    size_t i;

    for (i = 0; i < sizeof(search_params) / sizeof(search_params[0]); i++)
        if (OSSL_PARAM_locate_const(params, search_params[i]) != NULL)
            return true;
    return false;
}

static ks_rc refuse(const struct criterion *criterion, const char *why,
                    struct ks_err *err)
{
    return ks_fail(err, KS_E_INVALID, "%s: cannot be searched: %s",
                   criterion->place->canonical, why);
}

/* *der is borrowed from PARAMS. */
static ks_rc read_name(const struct criterion *criterion,
                       const OSSL_PARAM params[], const char *key,
                       X509_NAME **out, struct ks_buf *der, struct ks_err *err)
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, key);
    const void *data = NULL;
    const unsigned char *at, *end;
    size_t len = 0;

    if (p == NULL)
        return KS_OK;
    if (!OSSL_PARAM_get_octet_string_ptr(p, &data, &len) || len > LONG_MAX)
        return refuse(criterion, "the name is not DER", err);
    *der = (struct ks_buf){(uint8_t *)(uintptr_t)data, len};
    at = data;
    end = at + len;
    ERR_set_mark();
    *out = d2i_X509_NAME(NULL, &at, (long)len);
    ERR_pop_to_mark();
    return *out != NULL && at == end
               ? KS_OK
               : refuse(criterion, "the name is not DER", err);
}

static ks_rc read_fingerprint(struct criterion *criterion,
                              const OSSL_PARAM params[], struct ks_err *err)
{
    const OSSL_PARAM *p =
        OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_FINGERPRINT);
    const OSSL_PARAM *name =
        OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_DIGEST);
    const char *digest = NULL;
    const void *data = NULL;

    if (p == NULL)
        return KS_OK;
    if (!OSSL_PARAM_get_octet_string_ptr(p, &data, &criterion->fingerprint_len))
        return refuse(criterion, "the fingerprint is not bytes", err);
    criterion->fingerprint = data;
    if (name == NULL || !OSSL_PARAM_get_utf8_string_ptr(name, &digest))
        return refuse(criterion, "a fingerprint needs a digest", err);
    ERR_set_mark();
    criterion->digest =
        EVP_MD_fetch(criterion->ctx->child, digest, criterion->ctx->propq);
    ERR_pop_to_mark();
    if (criterion->digest == NULL)
        return refuse(criterion, "the digest is not known", err);
    if ((size_t)EVP_MD_get_size(criterion->digest) !=
        criterion->fingerprint_len)
        return refuse(criterion, "the fingerprint has not the digest's length",
                      err);
    return KS_OK;
}

static ks_rc read_params(struct criterion *criterion, const OSSL_PARAM params[],
                         struct ks_err *err)
{
    const OSSL_PARAM *serial =
        OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_SERIAL);
    const OSSL_PARAM *alias =
        OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_ALIAS);
    struct ks_buf issuer_der;
    ks_rc rc = read_name(criterion, params, OSSL_STORE_PARAM_SUBJECT,
                         &criterion->subject, &criterion->subject_der, err);

    if (rc == KS_OK)
        rc = read_name(criterion, params, OSSL_STORE_PARAM_ISSUER,
                       &criterion->issuer, &issuer_der, err);
    if (rc == KS_OK)
        rc = read_fingerprint(criterion, params, err);
    if (rc != KS_OK)
        return rc;
    if (serial != NULL && !OSSL_PARAM_get_BN(serial, &criterion->serial))
        return refuse(criterion, "the serial number is none", err);
    if ((criterion->issuer != NULL) != (criterion->serial != NULL))
        return refuse(criterion, "issuer and serial number go together", err);
    if (alias != NULL &&
        !OSSL_PARAM_get_utf8_string_ptr(alias, &criterion->alias))
        return refuse(criterion, "the alias is not a text", err);
    return KS_OK;
}

static bool serial_is(const X509 *cert, const BIGNUM *serial)
{
    BIGNUM *own = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    bool same = own != NULL && BN_cmp(own, serial) == 0;

    BN_free(own);
    return same;
}

static X509 *read_cert(const struct criterion *criterion,
                       const struct ks_buf *der)
{
    X509 *cert = X509_new_ex(criterion->ctx->child, criterion->ctx->propq);
    const unsigned char *at = der->data;

    ERR_set_mark();
    /* On failure d2i frees what it was given. */
    if (cert != NULL &&
        (der->len > LONG_MAX || d2i_X509(&cert, &at, (long)der->len) == NULL))
        cert = NULL;
    ERR_pop_to_mark();
    return cert;
}

static bool cert_matches(const struct criterion *criterion,
                         const struct ks_buf *der)
{
    X509 *cert;
    bool matches = false;

    if (criterion->subject == NULL && criterion->issuer == NULL)
        return false;
    cert = der->len > 0 ? read_cert(criterion, der) : NULL;
    if (cert != NULL && criterion->subject != NULL)
        matches =
            X509_NAME_cmp(X509_get_subject_name(cert), criterion->subject) == 0;
    else if (cert != NULL)
        matches =
            X509_NAME_cmp(X509_get_issuer_name(cert), criterion->issuer) == 0 &&
            serial_is(cert, criterion->serial);
    X509_free(cert);
    return matches;
}

/* Of the certificate, or of the public key as SubjectPublicKeyInfo. */
static bool fingerprint_is(const struct criterion *criterion,
                           const struct ks_buf *der)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    return criterion->digest != NULL && der->len > 0 &&
           EVP_Digest(der->data, der->len, md, &len, criterion->digest, NULL) ==
               1 &&
           len == criterion->fingerprint_len &&
           memcmp(md, criterion->fingerprint, len) == 0;
}

/* A key's alias is its name; in a URI of a scheme of its own, what the
 * backend says. */
static bool alias_is(const struct criterion *criterion, const char *name)
{
    const struct prov_store *store = criterion->place->store;
    struct ks_uri uri = {0};
    bool listing = false, same;

    if (criterion->alias == NULL)
        return false;
    if (store->name != NULL)
        return strcmp(name, criterion->alias) == 0;
    if (store->backend->parse_uri(name, &uri, &listing, NULL) != KS_OK)
        return false;
    same = uri.alias != NULL && strcmp(uri.alias, criterion->alias) == 0;
    ks_uri_clear(&uri);
    return same;
}

/* ---- what was found ---- */

static void hit_clear(struct prov_hit *hit)
{
    OPENSSL_free(hit->name);
    OPENSSL_free(hit->uri);
    ks_key_info_clear(&hit->info);
}

void prov_hits_clear(struct prov_hits *hits)
{
    for (size_t i = 0; i < hits->n; i++)
        hit_clear(&hits->all[i]);
    OPENSSL_free(hits->all);
    *hits = (struct prov_hits){0};
}

static bool grow(struct prov_hits *hits)
{
    size_t room = hits->room == 0 ? HITS_FIRST : hits->room * 2;
    struct prov_hit *grown;

    if (hits->n < hits->room)
        return true;
    grown = OPENSSL_realloc(hits->all, room * sizeof(*hits->all));
    if (grown == NULL)
        return false;
    hits->all = grown;
    hits->room = room;
    return true;
}

/* Takes what is in INFO. */
static ks_rc add(const struct criterion *criterion, const char *name,
                 struct ks_key_info *info, struct prov_hits *hits,
                 struct ks_err *err)
{
    struct prov_hit hit = {.name = OPENSSL_strdup(name)};
    ks_rc rc = prov_names_uri(criterion->place->store, name, &hit.uri, err);

    if (rc == KS_OK && (hit.name == NULL || !grow(hits)))
        rc = ks_fail(err, KS_E_NOMEM, "out of memory");
    if (rc != KS_OK) {
        hit_clear(&hit);
        return rc;
    }
    hit.info = *info;
    memset(info, 0, sizeof(*info)); /* given to the hit */
    hits->all[hits->n++] = hit;
    return KS_OK;
}

/* ---- where to look ---- */

static ks_rc candidates(const struct criterion *criterion,
                        struct prov_names **out, struct ks_err *err)
{
    const struct prov_place *place = criterion->place;
    const struct ks_query query = {
        .digest = criterion->digest != NULL
                      ? EVP_MD_get0_name(criterion->digest)
                      : NULL,
        .fingerprint = criterion->fingerprint,
        .fingerprint_len = criterion->fingerprint_len,
        .subject = criterion->subject_der.data,
        .subject_len = criterion->subject_der.len};
    ks_rc rc = KS_E_UNSUPPORTED;

    /* Where keys may be hidden, only those that are seen are found. */
    if (place->listing && criterion->alias != NULL &&
        place->store->backend->open_key == NULL &&
        ks_key_name_check(criterion->alias, NULL) == KS_OK)
        return prov_names_one(criterion->alias, out, err);
    if (place->listing && (query.digest != NULL || query.subject != NULL))
        rc = prov_names_find(place, &query, out, err);
    return rc == KS_E_UNSUPPORTED ? prov_names_list(place, true, out, err) : rc;
}

/* Whether the key NAME, of which INFO is known then, is looked for. A key that
 * is hidden has its name alone. */
static ks_rc look(const struct criterion *criterion, const char *name,
                  struct ks_key_info *info, bool *matches, struct ks_err *err)
{
    const struct prov_store *store = criterion->place->store;
    ks_rc rc;

    *matches = alias_is(criterion, name);
    if (criterion->alias != NULL && !*matches)
        return KS_OK;
    rc = store->backend->info(store->handle, name, info, err);
    if (rc == KS_E_NOT_FOUND) {
        *matches = *matches && store->backend->open_key != NULL;
        return KS_OK;
    }
    if (rc == KS_OK && !*matches)
        rc = prov_store_cert(store, name, &info->cert, err);
    *matches =
        rc == KS_OK && (*matches || cert_matches(criterion, &info->cert) ||
                        fingerprint_is(criterion, &info->cert) ||
                        fingerprint_is(criterion, &info->spki));
    return rc;
}

/* Puts those of NAMES that CRITERION accepts into HITS. */
static ks_rc filter(const struct criterion *criterion,
                    const struct prov_names *names, struct prov_hits *hits,
                    struct ks_err *err)
{
    struct ks_err first = {0};
    ks_rc failed = KS_OK, rc = KS_OK;

    for (size_t i = 0; rc == KS_OK && i < names->n; i++) {
        const char *name = prov_names_at(names, i);
        struct ks_key_info info = {0};
        struct ks_err why = {0};
        bool matches = false;
        ks_rc looked = look(criterion, name, &info, &matches, &why);

        if (looked != KS_OK && failed == KS_OK) {
            failed = looked;
            first = why;
        }
        if (matches)
            rc = add(criterion, name, &info, hits, err);
        ks_key_info_clear(&info);
    }
    if (rc != KS_OK || hits->n > 0 || failed == KS_OK)
        return rc;
    ks_hint(err, "%s", first.hint);
    return ks_fail(err, failed, "%s", first.text);
}

ks_rc prov_search(struct prov_ctx *ctx, const struct prov_place *place,
                  const OSSL_PARAM params[], struct prov_hits *hits,
                  struct ks_err *err)
{
    struct criterion criterion = {.ctx = ctx, .place = place};
    struct prov_names *names = NULL;
    struct prov_hits found = {0};
    ks_rc rc = read_params(&criterion, params, err);

    if (rc == KS_OK)
        rc = candidates(&criterion, &names, err);
    if (rc == KS_OK)
        rc = filter(&criterion, names, &found, err);
    if (rc == KS_OK) {
        *hits = found;
        found = (struct prov_hits){0}; /* given to *hits */
    }
    prov_hits_clear(&found);
    prov_names_free(names);
    criterion_clear(&criterion);
    return rc;
}
