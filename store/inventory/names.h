/*
 * The keys under which a certificate's names are indexed.
 */
#ifndef INV_NAMES_H
#define INV_NAMES_H

#include "ks_inventory.h"

/* Lower case; domains and mail addresses, and CNs that look like them, with
 * their characters in reverse order, so that all names below a domain are
 * one range of the index. Caller frees with OPENSSL_free; NULL: no memory. */
char *inv_name_key(enum ks_name_kind kind, const char *value);

#endif
