/*
 * What keystore.so tells and does beyond OpenSSL's own interface
 * (ks_provider.h): facts about keys and backends, the making of a token.
 */
#ifndef PROV_FACTS_H
#define PROV_FACTS_H

#include "ks_provider.h"

ks_store_describe_fn prov_facts_describe;
ks_store_check_fn prov_facts_check;
ks_store_initialise_fn prov_facts_initialise;
ks_store_certify_fn prov_facts_certify;

/* Rows of the STORE dispatch tables, each with its comma. */
#define PROV_FACT_ROWS                                                         \
    {KS_FUNC_STORE_DESCRIBE, (void (*)(void))prov_facts_describe},             \
        {KS_FUNC_STORE_CHECK, (void (*)(void))prov_facts_check},               \
        {KS_FUNC_STORE_INITIALISE, (void (*)(void))prov_facts_initialise},     \
        {KS_FUNC_STORE_CERTIFY, (void (*)(void))prov_facts_certify},

#endif
