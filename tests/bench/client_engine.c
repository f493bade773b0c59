/*
 * The same through libp11's engine "pkcs11" (libengine-pkcs11-openssl). It is
 * measured only; nothing else may use ENGINE, which OpenSSL 3.0 deprecates.
 */
#undef OPENSSL_NO_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED

#include "client_evp.h"

#include <stdio.h>

#include <openssl/engine.h>

static ENGINE *engine;

EVP_PKEY *client_evp_load(const struct client_job *job)
{
    char uri[512];
    EVP_PKEY *pkey;

    ENGINE_load_dynamic();
    engine = ENGINE_by_id("pkcs11");
    if (engine == NULL ||
        ENGINE_ctrl_cmd_string(engine, "MODULE_PATH", job->module, 0) != 1 ||
        ENGINE_ctrl_cmd_string(engine, "PIN", job->pin, 0) != 1 ||
        ENGINE_init(engine) != 1)
        client_evp_die("engine pkcs11");
    snprintf(uri, sizeof(uri), "pkcs11:token=%s;object=%s;type=private",
             job->token, job->key);
    pkey = ENGINE_load_private_key(engine, uri, NULL, NULL);
    if (pkey == NULL)
        client_evp_die(uri);
    return pkey;
}

void client_evp_unload(void)
{
    ENGINE_finish(engine);
    ENGINE_free(engine);
}
