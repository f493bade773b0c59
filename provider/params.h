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
/* Of EVP_PKEY_set_params: seal an existing key anew. */
#define PROV_PARAM_RESEAL "keystore-reseal"
#define PROV_PARAM_PASSIN "keystore-passin"

/* What import and gen take. For the static tables of the key types. */
#define PROV_PARAMS_CREATE                                                     \
    OSSL_PARAM_utf8_string(PROV_PARAM_URI, NULL, 0),                           \
        OSSL_PARAM_utf8_string(PROV_PARAM_URI_ALIAS, NULL, 0),                 \
        OSSL_PARAM_utf8_string(PROV_PARAM_PASSOUT, NULL, 0),                   \
        OSSL_PARAM_utf8_string(PROV_PARAM_USAGE, NULL, 0)
/* What get_params and set_params take. */
#define PROV_PARAMS_GET OSSL_PARAM_utf8_string(PROV_PARAM_URI, NULL, 0)
#define PROV_PARAMS_SET                                                        \
    OSSL_PARAM_utf8_string(PROV_PARAM_RESEAL, NULL, 0),                        \
        OSSL_PARAM_utf8_string(PROV_PARAM_PASSIN, NULL, 0)

#endif
