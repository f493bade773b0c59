/*
 * One context a key, set once and never changed: many threads copy it at the
 * same time.
 *
 * It has to be the one that was begun, and not a copy of it: in OpenSSL 3.0 a
 * copy's ALGORITHM_ID is read from where the original has it. The key, whose
 * every signature holds, keeps the original alive for its copies.
 */
#include "signature_kept.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

struct prov_kept {
    EVP_MD_CTX *stream;
    char digest[64]; /* as it was asked for; "" for the default */
};

static EVP_MD_CTX *copy_of(const EVP_MD_CTX *stream)
{
    EVP_MD_CTX *copy = EVP_MD_CTX_new();

    if (copy != NULL && EVP_MD_CTX_copy_ex(copy, stream) > 0)
        return copy;
    EVP_MD_CTX_free(copy);
    return NULL;
}

/* The key's public half may have been replaced since. */
static bool is_of_key(const struct prov_kept *kept, const struct prov_key *key)
{
    EVP_PKEY_CTX *soft = EVP_MD_CTX_get_pkey_ctx(kept->stream);

    return EVP_PKEY_CTX_get0_pkey(soft) == key->soft;
}

bool prov_kept_copy(struct prov_signature *sig, const char *digest)
{
    const struct prov_kept *kept = atomic_load(&sig->key->kept);

    if (kept == NULL ||
        strcmp(kept->digest, digest == NULL ? "" : digest) != 0 ||
        !is_of_key(kept, sig->key))
        return false;
    sig->stream = copy_of(kept->stream);
    if (sig->stream == NULL)
        return false;
    sig->soft = EVP_MD_CTX_get_pkey_ctx(sig->stream);
    return true;
}

int prov_kept_save(struct prov_signature *sig, const char *digest)
{
    struct prov_kept *none = NULL, *kept;

    if (digest == NULL)
        digest = "";
    if (atomic_load(&sig->key->kept) != NULL ||
        strlen(digest) >= sizeof(kept->digest))
        return 1;
    kept = OPENSSL_zalloc(sizeof(*kept));
    if (kept == NULL)
        return 0;
    (void)OPENSSL_strlcpy(kept->digest, digest, sizeof(kept->digest));
    kept->stream = sig->stream;
    if (!atomic_compare_exchange_strong(&sig->key->kept, &none, kept)) {
        OPENSSL_free(kept); /* another thread was first */
        return 1;
    }
    sig->stream = copy_of(kept->stream); /* the first is the key's now */
    sig->soft = NULL;
    if (sig->stream == NULL)
        return 0;
    sig->soft = EVP_MD_CTX_get_pkey_ctx(sig->stream);
    return 1;
}

void prov_kept_free(struct prov_kept *kept)
{
    if (kept == NULL)
        return;
    EVP_MD_CTX_free(kept->stream); /* and the context within */
    OPENSSL_free(kept);
}
