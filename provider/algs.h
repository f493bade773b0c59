/*
 * What the provider offers: the OSSL_ALGORITHM rows, one list an operation.
 */
#ifndef PROV_ALGS_H
#define PROV_ALGS_H

#include <openssl/core.h>
#include <openssl/core_dispatch.h>

/* The one name of all our SIGNATURE, ASYM_CIPHER and KEYEXCH tables: only our
 * own keys ask for it, through query_operation_name, so no other key ever
 * meets them. */
#define PROV_OPERATION_NAME "KEYSTORE-OPS"

/* Dispatch tables; each is in the file that is named after it. */
extern const OSSL_DISPATCH prov_store_functions[];      /* storeload.c */
extern const OSSL_DISPATCH prov_keymgmt_rsa_functions[];     /* keymgmt*.c */
extern const OSSL_DISPATCH prov_keymgmt_rsapss_functions[];
extern const OSSL_DISPATCH prov_keymgmt_ec_functions[];
extern const OSSL_DISPATCH prov_keymgmt_ed25519_functions[];
extern const OSSL_DISPATCH prov_keymgmt_ed448_functions[];
extern const OSSL_DISPATCH prov_keymgmt_x25519_functions[];
extern const OSSL_DISPATCH prov_keymgmt_x448_functions[];
extern const OSSL_DISPATCH prov_signature_functions[];  /* signature.c */
extern const OSSL_DISPATCH prov_asymcipher_functions[]; /* asymcipher.c */
extern const OSSL_DISPATCH prov_keyexch_functions[];    /* keyexch.c */

/* Decoders: a URI-PEM, and the DER inside it. */
extern const OSSL_DISPATCH prov_decoder_pem_functions[]; /* decoder.c */

/* Encoders: PrivateKeyInfo of a key with a URI is its URI-PEM; text. */
extern const OSSL_DISPATCH prov_encoder_uri_pem_functions[]; /* encoder.c */
extern const OSSL_DISPATCH prov_encoder_text_functions[];

/* OSSL_FUNC_provider_query_operation. */
const OSSL_ALGORITHM *prov_query_operation(void *provctx, int operation,
                                           int *no_cache);

#endif
