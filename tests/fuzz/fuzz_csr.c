/*
 * Requests, PEM and DER: whatever comes, a request that gets in has a key of
 * sufficient strength, and a refusal says why. Signatures of changed bytes
 * do not hold, so the fuzzer mostly sees the way up to them.
 */
#include <stdlib.h>

#include "ca.h"
#include "fuzz.h"
#include "strength.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ca_env env;
    struct ks_err err = {0};
    struct ca_csr *csr = NULL;

    if (ca_csr_parse(&env, "fuzz", data, size, &csr, &err) == KS_OK) {
        X509_REQ *req = (X509_REQ *)(uintptr_t)ca_csr_request(csr);

        if (ca_key_strength(X509_REQ_get0_pubkey(req), NULL) != KS_OK)
            abort();
    } else if (err.text[0] == '\0' || csr != NULL) {
        abort();
    }
    ca_csr_free(csr);
    return 0;
}
