/*
 * The only list of built-in backends, so that store/ need not know them all.
 */
#include "backends.h"

const struct ks_backend *const prov_backends[] = {
    &ks_file_backend,
    &ks_pkcs11_backend,
    &ks_sqlite_backend,
    NULL,
};

const char prov_backend_types[] = "file, pkcs11, sqlite";
