/*
 * What the provider offers, as rows. There are no DIGEST, CIPHER, MAC, KDF
 * and RAND rows: whoever activates a key store wants its keys, not another
 * implementation of everything.
 */
#include "algs.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ctx.h"
#include "ks_uri.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

struct row {
    int operation;
    const char *names;
    const char *more; /* properties beside "provider=NAME" */
    const OSSL_DISPATCH *functions;
};

/* Names as in libcrypto's own providers: all of them must be known to us, or
 * a lookup by the one that is missing takes another implementation. */
#define RSA_NAMES "RSA:rsaEncryption:1.2.840.113549.1.1.1"
#define PSS_NAMES "RSA-PSS:RSASSA-PSS:1.2.840.113549.1.1.10"
#define EC_NAMES "EC:id-ecPublicKey:1.2.840.10045.2.1"
#define X25519_NAMES "X25519:1.3.101.110"
#define X448_NAMES "X448:1.3.101.111"
#define ED25519_NAMES "ED25519:1.3.101.112"
#define ED448_NAMES "ED448:1.3.101.113"

#define KEYMGMT(names, functions)                                              \
    {                                                                          \
        OSSL_OP_KEYMGMT, (names), "", (functions)                              \
    }
#define ENCODER(names, output, structure, functions)                           \
    {                                                                          \
        OSSL_OP_ENCODER, (names), ",output=" output ",structure=" structure,   \
            (functions)                                                        \
    }
/* Of every key type, of those with a structure of their own, and of RSA,
 * which has a second name for it. */
#define ENCODERS(names)                                                        \
    ENCODER(names, "pem", "PrivateKeyInfo", prov_encoder_pem_pkcs8),           \
        ENCODER(names, "pem", "EncryptedPrivateKeyInfo",                       \
                prov_encoder_pem_sealed),                                      \
        ENCODER(names, "der", "PrivateKeyInfo", prov_encoder_der_pkcs8),       \
        ENCODER(names, "der", "EncryptedPrivateKeyInfo",                       \
                prov_encoder_der_sealed),                                      \
    {                                                                          \
        OSSL_OP_ENCODER, (names), ",output=text", prov_encoder_text_functions  \
    }
#define TYPED_ENCODERS(names)                                                  \
    ENCODER(names, "pem", "type-specific", prov_encoder_pem_typed),            \
        ENCODER(names, "der", "type-specific", prov_encoder_der_typed)
#define PKCS1_ENCODERS(names)                                                  \
    ENCODER(names, "pem", "pkcs1", prov_encoder_pem_pkcs1),                    \
        ENCODER(names, "der", "pkcs1", prov_encoder_der_pkcs1)

static const struct row rows[] = {
    {OSSL_OP_STORE, KS_URI_SCHEME, "", prov_store_functions},
    {OSSL_OP_STORE, "pkcs11", "", prov_store_functions},
    KEYMGMT(RSA_NAMES, prov_keymgmt_rsa_functions),
    KEYMGMT(PSS_NAMES, prov_keymgmt_rsapss_functions),
    KEYMGMT(EC_NAMES, prov_keymgmt_ec_functions),
    KEYMGMT(ED25519_NAMES, prov_keymgmt_ed25519_functions),
    KEYMGMT(ED448_NAMES, prov_keymgmt_ed448_functions),
    KEYMGMT(X25519_NAMES, prov_keymgmt_x25519_functions),
    KEYMGMT(X448_NAMES, prov_keymgmt_x448_functions),
    {OSSL_OP_SIGNATURE, PROV_OPERATION_NAME, "", prov_signature_functions},
    {OSSL_OP_ASYM_CIPHER, PROV_OPERATION_NAME, "", prov_asymcipher_functions},
    {OSSL_OP_KEYEXCH, PROV_OPERATION_NAME, "", prov_keyexch_functions},
    /* libcrypto adds every decoder that makes "DER" to a search for a key. */
    {OSSL_OP_DECODER, "DER", ",input=pem", prov_decoder_pem_functions},
    /* One row for all key types, under any type's name: each costs every read
     * of a PEM key some 15 microseconds on 3.0. */
    {OSSL_OP_DECODER, EC_NAMES, ",input=der,structure=" PROV_MARK_STRUCTURE,
     prov_decoder_mark_functions},
    ENCODERS(RSA_NAMES),
    TYPED_ENCODERS(RSA_NAMES),
    PKCS1_ENCODERS(RSA_NAMES),
    ENCODERS(PSS_NAMES),
    TYPED_ENCODERS(PSS_NAMES),
    ENCODERS(EC_NAMES),
    TYPED_ENCODERS(EC_NAMES),
    ENCODERS(ED25519_NAMES),
    ENCODERS(ED448_NAMES),
    ENCODERS(X25519_NAMES),
    ENCODERS(X448_NAMES),
};

static const int operations[] = {
    OSSL_OP_STORE,   OSSL_OP_KEYMGMT, OSSL_OP_SIGNATURE, OSSL_OP_ASYM_CIPHER,
    OSSL_OP_KEYEXCH, OSSL_OP_DECODER, OSSL_OP_ENCODER};

/* One list after the other, each closed by an empty entry. */
struct prov_algs {
    OSSL_ALGORITHM entries[N_OF(rows) + N_OF(operations)];
    size_t start[N_OF(operations)];
    char *properties[N_OF(rows)]; /* owned; the entries borrow them */
};

static char *join(const char *a, const char *b)
{
    size_t size = strlen(a) + strlen(b) + 1;
    char *text = OPENSSL_malloc(size);

    if (text != NULL)
        (void)snprintf(text, size, "%s%s", a, b);
    return text;
}

struct prov_algs *prov_algs_new(const char *properties)
{
    struct prov_algs *algs = OPENSSL_zalloc(sizeof(*algs));
    size_t op, row, next = 0;

    if (algs == NULL)
        return NULL;
    for (op = 0; op < N_OF(operations); op++, next++) {
        algs->start[op] = next;
        for (row = 0; row < N_OF(rows); row++) {
            if (rows[row].operation != operations[op])
                continue;
            algs->properties[row] = join(properties, rows[row].more);
            if (algs->properties[row] == NULL)
                goto fail;
            algs->entries[next].algorithm_names = rows[row].names;
            algs->entries[next].property_definition = algs->properties[row];
            algs->entries[next].implementation = rows[row].functions;
            next++;
        }
    }
    return algs;

fail:
    prov_algs_free(algs);
    return NULL;
}

void prov_algs_free(struct prov_algs *algs)
{
    size_t row;

    if (algs == NULL)
        return;
    for (row = 0; row < N_OF(rows); row++)
        OPENSSL_free(algs->properties[row]);
    OPENSSL_free(algs);
}

const OSSL_ALGORITHM *prov_query_operation(void *provctx, int operation,
                                           int *no_cache)
{
    const struct prov_ctx *ctx = provctx;
    size_t op;

    /* Anything else than 0 would put our tables before everybody else's
     * (provider(7); libcrypto searches uncached ones first). */
    *no_cache = 0;
    for (op = 0; op < N_OF(operations); op++)
        if (operations[op] == operation)
            return &ctx->algs->entries[ctx->algs->start[op]];
    return NULL;
}
