/*
 * The list of backends of a module for tests: the file backend, and one whose
 * keys never come out.
 */
#include "backends.h"

#include "inside_backend.h"

const struct ks_backend *const prov_backends[] = {
    &ks_file_backend,
    &test_inside_backend,
    NULL,
};

const char prov_backend_types[] = "file, /test/inside";
