/* The backend in memory under test. */
#include "contract.h"
#include "mem_backend.h"

const struct contract_subject subject = {
    .backend = &test_mem_backend,
    .damage = test_mem_damage,
};
