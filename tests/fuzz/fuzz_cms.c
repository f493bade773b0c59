/*
 * Keys sealed to keys: whatever is parsed names its recipients, and opening it
 * ends with one of the results that the header names; what opens is a private
 * key. The recipient is always the same EC key; as an RSA key it opens
 * everything, to a key of its own choice.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fuzz.h"
#include "ks_soft_key.h"
#include "seal/cms.h"

static const struct ks_crypto ours = {NULL, NULL};

/* Of the recipient in the corpus. */
static const char private_half[] =
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4E4Dego5F/8at6ZD"
    "uuyCK/WeCSoKloNCKy4N6LDt2XShRANCAATGeHudjnUJtpqo2c2jII4CcJH7SwTa"
    "RWFIy88R/Rpgx6ZjcdDsL3RSyLx9+4JW/UM8zdjZqEE6gthO3MI6+QoE";
static const char public_half[] =
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExnh7nY51CbaaqNnNoyCOAnCR+0sE"
    "2kVhSMvPEf0aYMemY3HQ7C90Usi8ffuCVv1DPM3Y2ahBOoLYTtzCOvkKBA==";

static ks_rc open_all(void *key, const struct ks_mech_params *params,
                      const uint8_t *in, size_t in_len, struct ks_secret *out,
                      struct ks_err *err)
{
    static const uint8_t same[32] = {0x42};

    (void)key;
    (void)in;
    (void)err;
    if (params->digest == NULL || params->mgf1_digest == NULL ||
        (params->label == NULL) != (params->label_len == 0))
        abort();
    return ks_secret_set(out, same, in_len % 2 == 0 ? sizeof(same) : 7);
}

static ks_rc agree(void *key, const struct ks_mech_params *params,
                   const uint8_t *peer, size_t peer_len, struct ks_secret *out,
                   struct ks_err *err)
{
    return ks_soft_key_ops.derive(key, params, peer, peer_len, out, err);
}

static const struct ks_key_ops ops = {.decrypt = open_all, .derive = agree};

/* NUL-terminated base64 without line breaks. */
static size_t decode(const char *text, uint8_t *out)
{
    const size_t len = strlen(text);
    int n = EVP_DecodeBlock(out, (const uint8_t *)text, (int)len);

    if (n < 0)
        abort();
    for (size_t i = len; text[i - 1] == '='; i--)
        n--;
    return (size_t)n;
}

static const struct ks_kek *recipient(void)
{
    static uint8_t der[256];
    static struct ks_kek kek;
    struct ks_secret pkcs8 = {0};

    if (kek.ops != NULL)
        return &kek;
    if (ks_secret_set(&pkcs8, der, decode(private_half, der)) != KS_OK ||
        ks_soft_key_new(&pkcs8, NULL, NULL, &kek.key, NULL) != KS_OK ||
        ks_buf_set(&kek.spki, der, decode(public_half, der)) != KS_OK)
        abort();
    ks_secret_clear(&pkcs8);
    kek.ops = &ops;
    return &kek;
}

static void check_open(const struct ks_buf *sealed)
{
    struct ks_secret pkcs8 = {0};
    struct ks_err err = {0};
    ks_rc rc = ks_cms_open(&ours, sealed, recipient(), &pkcs8, &err);
    const uint8_t *at = pkcs8.data;

    if (rc == KS_OK) {
        PKCS8_PRIV_KEY_INFO *info =
            d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8.len);

        if (info == NULL || at != pkcs8.data + pkcs8.len)
            abort();
        PKCS8_PRIV_KEY_INFO_free(info);
    } else if (rc != KS_E_NOT_FOUND && rc != KS_E_DAMAGED &&
               rc != KS_E_UNSUPPORTED && rc != KS_E_INVALID &&
               rc != KS_E_CRYPTO) {
        abort();
    }
    if ((rc == KS_OK) != (err.text[0] == '\0'))
        abort();
    ks_secret_clear(&pkcs8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ks_buf sealed = {(uint8_t *)data, size};
    uint8_t ids[KS_CMS_RECIPIENTS_MAX][KS_KEY_ID_LEN];
    struct ks_err err = {0};
    size_t n = 0;
    ks_rc rc = ks_cms_recipients(&sealed, ids, &n, &err);

    if (rc != ks_cms_check(&sealed, NULL))
        abort();
    if (rc == KS_OK && (n == 0 || n > KS_CMS_RECIPIENTS_MAX))
        abort();
    if (rc != KS_OK &&
        ((rc != KS_E_DAMAGED && rc != KS_E_UNSUPPORTED) || err.text[0] == '\0'))
        abort();
    check_open(&sealed);
    if (ERR_peek_error() != 0)
        abort(); /* the caller's error queue is none of our business */
    return 0;
}
