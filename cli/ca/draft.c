/*
 * A certificate in the making: its serial, its encoding, its record.
 */
#include "draft.h"
#include "audit.h"
#include "texts.h"

#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#define SERIAL_TRIES 8 /* a collision of 159 random bits means broken RAND */
#define NAMES_MAX 512

void ca_draft_clear(struct ca_draft *draft)
{
    if (draft == NULL)
        return;
    X509_free(draft->cert);
    sk_X509_EXTENSION_pop_free(draft->exts, X509_EXTENSION_free);
    GENERAL_NAMES_free(draft->sans);
    OPENSSL_free(draft->subject);
    ca_strings_clear(&draft->names);
    ca_strings_clear(&draft->dropped);
    ca_strings_clear(&draft->notes);
    ca_new_key_clear(&draft->key);
    ks_buf_clear(&draft->tbs);
    ks_buf_clear(&draft->der);
    memset(draft, 0, sizeof(*draft));
}

ks_rc ca_draft_start(const struct ca_env *env,
                     const struct ca_profile_full *profile,
                     struct ca_draft *draft, struct ks_err *err)
{
    memset(draft, 0, sizeof(*draft));
    draft->profile = profile;
    draft->is_server = profile->is_server;
    draft->cert = X509_new_ex(env->libctx, env->propq);
    draft->sans = GENERAL_NAMES_new();
    draft->exts = sk_X509_EXTENSION_deep_copy(
        profile->built, X509_EXTENSION_dup, X509_EXTENSION_free);
    if (draft->cert == NULL || draft->sans == NULL || draft->exts == NULL ||
        X509_set_version(draft->cert, X509_VERSION_3) != 1)
        return ca_nomem(err);
    return KS_OK;
}

/* RFC 5280, 4.1.2.2: positive, at most 20 octets, so 159 bits at most; all
 * of them random. */
ks_rc ca_draft_serial(const struct ca_env *env, struct ca_draft *draft,
                      struct ks_err *err)
{
    uint8_t octets[KS_SERIAL_MAX];
    size_t skip = 0;
    BIGNUM *number = NULL;
    bool ok = false;

    do {
        if (RAND_bytes_ex(env->libctx, octets, sizeof(octets), 0) != 1)
            return ks_fail(err, KS_E_CRYPTO, "no random numbers");
        octets[0] &= 0x7f;
        for (skip = 0; skip < sizeof(octets) && octets[skip] == 0; skip++)
            ;
    } while (skip == sizeof(octets));
    draft->serial_len = sizeof(octets) - skip;
    memcpy(draft->serial, octets + skip, draft->serial_len);
    number = BN_bin2bn(draft->serial, (int)draft->serial_len, NULL);
    if (number != NULL)
        ok = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(draft->cert)) !=
             NULL;
    BN_free(number);
    return ok ? KS_OK : ca_nomem(err);
}

/* The cast: the certificate is ours, and there is no other way to name the
 * algorithm before signing. i2d_re_X509_tbs then encodes anew. */
ks_rc ca_draft_encode(const struct ca_signer *signer, struct ca_draft *draft,
                      struct ks_err *err)
{
    X509_ALGOR *alg =
        (X509_ALGOR *)(uintptr_t)X509_get0_tbs_sigalg(draft->cert);
    int len;

    if (X509_ALGOR_copy(alg, signer->alg) != 1)
        return ca_nomem(err);
    ks_buf_clear(&draft->tbs);
    len = i2d_re_X509_tbs(draft->cert, &draft->tbs.data);
    if (len <= 0)
        return ks_fail(err, KS_E_CRYPTO, "cannot encode the certificate");
    draft->tbs.len = (size_t)len;
    return KS_OK;
}

static ks_rc parse(const struct ca_env *env, const struct ks_buf *der,
                   X509 **out, struct ks_err *err)
{
    const unsigned char *p = der->data;
    X509 *cert = X509_new_ex(env->libctx, env->propq);

    if (cert == NULL)
        return ca_nomem(err);
    if (d2i_X509(&cert, &p, (long)der->len) == NULL)
        return ks_fail(err, KS_E_CRYPTO, "cannot read the certificate back");
    *out = cert;
    return KS_OK;
}

ks_rc ca_draft_blank(const struct ca_env *env, const struct ca_signer *signer,
                     const struct ca_draft *draft, X509 **out,
                     struct ks_err *err)
{
    struct ks_buf der = {0};
    ks_rc rc = ca_signer_blank(signer, &draft->tbs, &der, err);

    if (rc == KS_OK)
        rc = parse(env, &der, out, err);
    ks_buf_clear(&der);
    return rc;
}

/* --- write-ahead -----------------------------------------------------------
 */

ks_rc ca_draft_reserve(const struct ca_env *env, int64_t ca, int64_t subject_ca,
                       struct ca_draft *draft, struct ks_err *err)
{
    struct ks_cert_reserve reserve = {
        .ca = ca,
        .serial = draft->serial,
        .profile = draft->profile->show.name,
        .profile_hash = draft->profile->show.hash,
        .request_hash = draft->has_request ? draft->request_hash : NULL,
        .key_uri = draft->key.uri,
        .subject_ca = subject_ca,
    };

    for (int i = 0; i < SERIAL_TRIES; i++) {
        ks_rc rc = ca_draft_serial(env, draft, err);

        reserve.serial_len = draft->serial_len;
        if (rc == KS_OK)
            rc = ks_cert_reserve(env->inv, &reserve, &draft->row, err);
        if (rc != KS_E_EXISTS)
            return rc;
    }
    return ks_fail(err, KS_E_CRYPTO,
                   "every random serial was taken: the random numbers repeat");
}

static const struct {
    int type;
    enum ks_name_kind kind;
} kinds[] = {
    {GEN_DNS, KS_NAME_DNS},
    {GEN_IPADD, KS_NAME_IP},
    {GEN_EMAIL, KS_NAME_EMAIL},
    {GEN_URI, KS_NAME_URI},
};

static enum ks_name_kind kind_of(const GENERAL_NAME *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].type == name->type)
            return kinds[i].kind;
    }
    return KS_NAME_OTHER;
}

/* The texts of draft->names without their prefixes, and the CN. */
static size_t list_names(const struct ca_draft *draft, char *cn, size_t cn_size,
                         struct ks_cert_name out[NAMES_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < draft->names.n && n < NAMES_MAX - 1; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(draft->sans, (int)i);
        const char *colon = strchr(draft->names.items[i], ':');

        out[n++] = (struct ks_cert_name){kind_of(name), colon + 1};
    }
    if (X509_NAME_get_text_by_NID(X509_get_subject_name(draft->cert),
                                  NID_commonName, cn, (int)cn_size) > 0)
        out[n++] = (struct ks_cert_name){KS_NAME_CN, cn};
    return n;
}

ks_rc ca_draft_record_tbs(const struct ca_env *env, struct ca_draft *draft,
                          struct ks_err *err)
{
    struct ks_cert_name names[NAMES_MAX];
    char cn[256];
    struct ks_cert_tbs tbs = {
        .tbs = draft->tbs.data,
        .tbs_len = draft->tbs.len,
        .subject = draft->subject,
        .not_before = draft->not_before,
        .not_after = draft->not_after,
        .spki_hash = draft->spki_hash,
        .names = names,
    };

    tbs.n_names = list_names(draft, cn, sizeof(cn), names);
    return ks_cert_put_tbs(env->inv, draft->row, &tbs, err);
}

ks_rc ca_draft_record_cert(const struct ca_env *env, const char *ca_name,
                           struct ca_draft *draft, struct ks_err *err)
{
    char serial[KS_SERIAL_HEX], object[KS_SERIAL_HEX + KS_CA_NAME_MAX + 8];
    uint8_t hash[KS_HASH_LEN];
    ks_rc rc = ks_cert_finish(env->inv, draft->row, draft->der.data,
                              draft->der.len, err);

    ca_hex(draft->serial, draft->serial_len, serial);
    (void)snprintf(object, sizeof(object), "%s by %s", serial, ca_name);
    if (rc == KS_OK)
        rc = ca_sha256(draft->der.data, draft->der.len, hash, err);
    if (rc == KS_OK && draft->key.pkey != NULL)
        rc = ca_new_key_keep(env, &draft->key, err);
    if (rc == KS_OK)
        rc = ca_audit(env, "cert.issue", object, hash, err);
    return rc;
}

void ca_draft_abandon(const struct ca_env *env, struct ca_draft *draft)
{
    struct ks_err ignored = {0};

    if (draft->row != 0 &&
        ks_cert_abandon(env->inv, draft->row, &ignored) == KS_OK)
        draft->row = 0;
}

ks_rc ca_draft_result(const struct ca_env *env, struct ca_draft *draft,
                      bool want_cert, struct ca_issued *issued,
                      struct ks_err *err)
{
    ks_rc rc = KS_OK;

    memset(issued, 0, sizeof(*issued));
    issued->profile = OPENSSL_strdup(draft->profile->show.name);
    if (issued->profile == NULL)
        rc = ca_nomem(err);
    if (rc == KS_OK && want_cert)
        rc = parse(env, &draft->der, &issued->cert, err);
    if (rc != KS_OK)
        return rc;
    issued->id = draft->row;
    ca_hex(draft->serial, draft->serial_len, issued->serial);
    issued->der = draft->der;
    issued->names = draft->names;
    issued->dropped = draft->dropped;
    issued->notes = draft->notes;
    issued->key_uri = draft->key.uri;
    /* given to *issued */
    draft->der = (struct ks_buf){0};
    draft->names = (struct ca_strings){0};
    draft->dropped = (struct ca_strings){0};
    draft->notes = (struct ca_strings){0};
    draft->key.uri = NULL;
    return KS_OK;
}

void ca_issued_clear(struct ca_issued *issued)
{
    if (issued == NULL)
        return;
    OPENSSL_free(issued->profile);
    OPENSSL_free(issued->key_uri);
    X509_free(issued->cert);
    ks_buf_clear(&issued->der);
    ca_strings_clear(&issued->names);
    ca_strings_clear(&issued->dropped);
    ca_strings_clear(&issued->notes);
    memset(issued, 0, sizeof(*issued));
}
