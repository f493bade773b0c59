/*
 * Our own parameters, beside those of the key types. README.md says what each
 * is for.
 */
#ifndef PROV_PARAMS_H
#define PROV_PARAMS_H

/* Of key generation and EVP_PKEY_fromdata: make the key in a backend. */
#define PROV_PARAM_URI "keystore-uri"
#define PROV_PARAM_URI_ALIAS "pkcs11_uri"
/* The new key's secret, as a source ("file:pw.txt"). */
#define PROV_PARAM_PASSOUT "keystore-passout"
/* Of a backend whose keys stay inside: what the new key may be used for,
 * "sign,decrypt,derive" or some of them. */
#define PROV_PARAM_USAGE "keystore-usage"
/* Of an imported key: the certificates to keep beside it, its own first, DER,
 * one after the other. */
#define PROV_PARAM_CERTS "keystore-certs"
/* Of EVP_PKEY_set_params: seal an existing key anew. The new secret's source;
 * "": as the backend's section says. Read afterwards it is what came of it:
 * "resealed", or "current" if it was sealed like that already. */
#define PROV_PARAM_RESEAL "keystore-reseal"
#define PROV_PARAM_PASSIN "keystore-passin"
/* With it: in the place of what the section says, "URI, URI" and
 * "scrypt:N:r:p"; and the URI of a key that opens the old seal. */
#define PROV_PARAM_SEAL_TO "keystore-seal-to"
#define PROV_PARAM_KDF "keystore-kdf"
#define PROV_PARAM_UNSEAL_WITH "keystore-unseal-with"
/* Of EVP_PKEY_get_octet_string_param: the private key, PKCS#8 DER, of a key
 * whose place lets it out if it is asked for by name. */
#define PROV_PARAM_PRIVATE_KEY "keystore-private-key"

/* What gen takes, and import. For the static tables of the key types. */
#define PROV_PARAMS_CREATE                                                     \
    OSSL_PARAM_utf8_string(PROV_PARAM_URI, NULL, 0),                           \
        OSSL_PARAM_utf8_string(PROV_PARAM_URI_ALIAS, NULL, 0),                 \
        OSSL_PARAM_utf8_string(PROV_PARAM_PASSOUT, NULL, 0),                   \
        OSSL_PARAM_utf8_string(PROV_PARAM_USAGE, NULL, 0)
#define PROV_PARAMS_IMPORT                                                     \
    PROV_PARAMS_CREATE, OSSL_PARAM_octet_string(PROV_PARAM_CERTS, NULL, 0)
/* What get_params and set_params take. */
#define PROV_PARAMS_GET                                                        \
    OSSL_PARAM_utf8_string(PROV_PARAM_URI, NULL, 0),                           \
        OSSL_PARAM_utf8_string(PROV_PARAM_RESEAL, NULL, 0),                    \
        OSSL_PARAM_octet_string(PROV_PARAM_PRIVATE_KEY, NULL, 0)
#define PROV_PARAMS_SET                                                        \
    OSSL_PARAM_utf8_string(PROV_PARAM_RESEAL, NULL, 0),                        \
        OSSL_PARAM_utf8_string(PROV_PARAM_PASSIN, NULL, 0),                    \
        OSSL_PARAM_utf8_string(PROV_PARAM_SEAL_TO, NULL, 0),                   \
        OSSL_PARAM_utf8_string(PROV_PARAM_KDF, NULL, 0),                       \
        OSSL_PARAM_utf8_string(PROV_PARAM_UNSEAL_WITH, NULL, 0)

#endif
