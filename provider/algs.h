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
extern const OSSL_DISPATCH prov_store_functions[];       /* storeload.c */
extern const OSSL_DISPATCH prov_keymgmt_rsa_functions[]; /* keymgmt_*.c */
extern const OSSL_DISPATCH prov_keymgmt_rsapss_functions[];
extern const OSSL_DISPATCH prov_keymgmt_ec_functions[];
extern const OSSL_DISPATCH prov_keymgmt_ed25519_functions[];
extern const OSSL_DISPATCH prov_keymgmt_ed448_functions[];
extern const OSSL_DISPATCH prov_keymgmt_x25519_functions[];
extern const OSSL_DISPATCH prov_keymgmt_x448_functions[];
extern const OSSL_DISPATCH prov_signature_functions[];  /* signature.c */
extern const OSSL_DISPATCH prov_asymcipher_functions[]; /* asymcipher.c */
extern const OSSL_DISPATCH prov_keyexch_functions[];    /* keyexch.c */

/* Decoders: a URI-PEM; a key on its way from there to our keymgmt, under a
 * structure that nothing else makes or asks for. */
#define PROV_MARK_STRUCTURE "keystore-in-hand"
extern const OSSL_DISPATCH prov_decoder_pem_functions[]; /* decoder.c */
extern const OSSL_DISPATCH prov_decoder_mark_functions[];

/* Encoders, by output and structure: the private structures of a key with a
 * URI are its URI-PEM; text. */
extern const OSSL_DISPATCH prov_encoder_pem_pkcs8[]; /* encoder.c */
extern const OSSL_DISPATCH prov_encoder_pem_sealed[];
extern const OSSL_DISPATCH prov_encoder_pem_typed[];
extern const OSSL_DISPATCH prov_encoder_pem_pkcs1[];
extern const OSSL_DISPATCH prov_encoder_der_pkcs8[];
extern const OSSL_DISPATCH prov_encoder_der_sealed[];
extern const OSSL_DISPATCH prov_encoder_der_typed[];
extern const OSSL_DISPATCH prov_encoder_der_pkcs1[];
extern const OSSL_DISPATCH prov_encoder_text_functions[]; /* encoder_text.c */

/* The lists of one provider instance; its name is in their properties. */
struct prov_algs;

/* PROPERTIES ("provider=NAME") goes before each row's own. NULL when out of
 * memory. */
struct prov_algs *prov_algs_new(const char *properties);
void prov_algs_free(struct prov_algs *algs); /* takes NULL */

/* OSSL_FUNC_provider_query_operation. */
const OSSL_ALGORITHM *prov_query_operation(void *provctx, int operation,
                                           int *no_cache);

#endif
