/*
 * Private to the CA library: a checked request.
 */
#ifndef CA_CSR_H
#define CA_CSR_H

#include "ca.h"

struct ca_csr {
    X509_REQ *req;
    EVP_PKEY *pkey;                 /* borrowed from req */
    uint8_t hash[KS_HASH_LEN];      /* of the whole request */
    uint8_t spki_hash[KS_HASH_LEN]; /* of its public key */
};

#endif
