/* The backend in memory under test. */
#include "contract.h"
#include "mem_backend.h"

static const struct ks_setting settings[] = {{"kdf", "scrypt:2:1:1"}};

const struct contract_subject subject = {
    .backend = &test_mem_backend,
    .settings = settings,
    .n_settings = sizeof(settings) / sizeof(settings[0]),
    .damage = test_mem_damage,
};
