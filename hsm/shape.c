/*
 * Reads a SubjectPublicKeyInfo by hand: libcrypto's decoder would take ten
 * times as long, and all that is wanted is a few sizes.
 */
#include "shape.h"

#include <limits.h>

#include <openssl/asn1.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))
#define RSA_BITS_MAX 16384

/* A piece of DER that is being read. */
struct der {
    const unsigned char *at;
    const unsigned char *end;
};

/* Steps into (for a SEQUENCE) or over the element at FROM, which must be of
 * TAG; *body is its contents. */
static bool take(struct der *from, int tag, struct der *body)
{
    const unsigned char *at = from->at;
    int got_tag = 0, class = 0;
    long len = 0;

    if (from->end - at > LONG_MAX ||
        (ASN1_get_object(&at, &len, &got_tag, &class, from->end - at) & 0x81) !=
            0 ||
        got_tag != tag || class != V_ASN1_UNIVERSAL)
        return false;
    body->at = at;
    body->end = at + len;
    from->at = at + len;
    return true;
}

static int take_oid(struct der *from)
{
    const unsigned char *at = from->at;
    ASN1_OBJECT *oid = d2i_ASN1_OBJECT(NULL, &at, from->end - at);
    int nid = oid == NULL ? NID_undef : OBJ_obj2nid(oid);

    if (oid != NULL)
        from->at = at;
    ASN1_OBJECT_free(oid);
    return nid;
}

/* Without the count of unused bits, which must be 0. */
static bool take_bits(struct der *from, struct der *body)
{
    return take(from, V_ASN1_BIT_STRING, body) && body->at < body->end &&
           *body->at++ == 0;
}

static ks_rc damaged(const char *whose, struct ks_err *err)
{
    return ks_fail(err, KS_E_DAMAGED,
                   "%s: public half on the token is not a public key", whose);
}

/* RSAPublicKey (RFC 8017, A.1.1). */
static ks_rc read_rsa(struct der *key, const char *whose,
                      struct hsm_shape *shape, struct ks_err *err)
{
    struct der numbers, modulus;
    size_t bits;
    unsigned char top;

    if (!take(key, V_ASN1_SEQUENCE, &numbers) ||
        !take(&numbers, V_ASN1_INTEGER, &modulus))
        return damaged(whose, err);
    while (modulus.at < modulus.end && *modulus.at == 0)
        modulus.at++;
    if (modulus.at == modulus.end)
        return damaged(whose, err);
    bits = (size_t)(modulus.end - modulus.at) * 8;
    for (top = *modulus.at; (top & 0x80) == 0; top = (unsigned char)(top << 1))
        bits--;
    if (bits < 512 || bits > RSA_BITS_MAX)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: RSA key of %zu bits; 512 to %d are supported",
                       whose, bits, RSA_BITS_MAX);
    shape->bits = bits;
    shape->size = (bits + 7) / 8;
    return KS_OK;
}

static ks_rc read_ec(struct der *params, const char *whose,
                     OSSL_LIB_CTX *libctx, const char *propq,
                     struct hsm_shape *shape, struct ks_err *err)
{
    int nid = take_oid(params);

    ERR_set_mark();
    shape->group = nid == NID_undef
                       ? NULL
                       : EC_GROUP_new_by_curve_name_ex(libctx, propq, nid);
    ERR_pop_to_mark();
    if (shape->group == NULL)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: libcrypto does not know the key's curve (%s)",
                       whose, nid == NID_undef ? "no name" : OBJ_nid2sn(nid));
    shape->size = ((size_t)EC_GROUP_order_bits(shape->group) + 7) / 8;
    return KS_OK;
}

static const struct {
    int nid;
    enum hsm_kind kind;
    size_t size; /* of those that have one size only */
} kinds[] = {
    {NID_rsaEncryption, HSM_RSA, 0},
    {NID_rsassaPss, HSM_RSA_PSS, 0},
    {NID_X9_62_id_ecPublicKey, HSM_EC, 0},
    {NID_ED25519, HSM_ED25519, 64}, /* RFC 8032 */
    {NID_ED448, HSM_ED448, 114},
    {NID_X25519, HSM_X25519, 32}, /* RFC 7748 */
    {NID_X448, HSM_X448, 56},
};

ks_rc hsm_shape_read(const struct ks_buf *spki, const char *whose,
                     OSSL_LIB_CTX *libctx, const char *propq,
                     struct hsm_shape *shape, struct ks_err *err)
{
    struct der all = {.at = spki->data, .end = spki->data + spki->len};
    struct der info, algorithm, key;
    size_t i;
    int nid;

    *shape = (struct hsm_shape){.size = 0};
    if (spki->len == 0 || !take(&all, V_ASN1_SEQUENCE, &info) ||
        !take(&info, V_ASN1_SEQUENCE, &algorithm) || !take_bits(&info, &key))
        return damaged(whose, err);
    nid = take_oid(&algorithm);
    for (i = 0; i < N_OF(kinds); i++)
        if (kinds[i].nid == nid)
            break;
    if (i == N_OF(kinds))
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: keys of this kind (%s) are not supported", whose,
                       nid == NID_undef ? "unknown" : OBJ_nid2sn(nid));
    shape->kind = kinds[i].kind;
    shape->size = kinds[i].size;
    if (shape->kind == HSM_RSA || shape->kind == HSM_RSA_PSS)
        return read_rsa(&key, whose, shape, err);
    if (shape->kind == HSM_EC)
        return read_ec(&algorithm, whose, libctx, propq, shape, err);
    return KS_OK;
}

void hsm_shape_clear(struct hsm_shape *shape)
{
    if (shape == NULL)
        return;
    EC_GROUP_free(shape->group);
    *shape = (struct hsm_shape){.size = 0};
}
