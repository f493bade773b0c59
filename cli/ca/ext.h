/*
 * Extensions: from OpenSSL's value strings, and those the CA makes itself.
 */
#ifndef CA_EXT_H
#define CA_EXT_H

#include "ca.h"

/* OpenSSL's NID for an extension's name, in any case, or of a dotted OID that
 * it knows; NID_undef: unknown. */
int ca_ext_nid(const char *name);

/* NAME's value string (x509v3_config(5)) built. ISSUER may be NULL. Caller
 * frees. KS_E_INVALID with name, value and OpenSSL's reason. */
KS_MUST_CHECK ks_rc ca_ext_build(const char *name, const char *value,
                                 X509 *issuer, X509_EXTENSION **out,
                                 struct ks_err *err);

/* certificatePolicies whose value has cps= or notice=; ca_ext_build does this
 * by itself. Returns the fault, NULL: none. ext_policy.c */
bool ca_ext_has_qualifiers(const char *value);
const char *ca_ext_policies(const char *value, X509_EXTENSION **out);

/* Extension TYPE (NID) from a decoded value. Caller frees; NULL: no memory. */
X509_EXTENSION *ca_ext_encode(int nid, bool critical, void *value);

/* Puts EXT into the list in place of one of its kind. Takes EXT, also on
 * failure. KS_E_NOMEM; also if EXT is NULL. */
KS_MUST_CHECK ks_rc ca_ext_set(STACK_OF(X509_EXTENSION) * exts,
                               X509_EXTENSION *ext, struct ks_err *err);

/* The list's extension of that kind; NULL: none. Borrowed from EXTS. */
X509_EXTENSION *ca_ext_get(const STACK_OF(X509_EXTENSION) * exts, int nid);

/* Extensions that only the CA sets: nothing from outside may name them. */
bool ca_ext_is_ours(int nid);

/* CRL distribution point, OCSP responder and issuer's certificate, as the CA
 * has them. NULL: none. *out may be NULL if there is nothing to say. */
KS_MUST_CHECK ks_rc ca_ext_crl_url(const char *url, X509_EXTENSION **out,
                                   struct ks_err *err);
KS_MUST_CHECK ks_rc ca_ext_access(const char *ocsp_url, const char *issuer_url,
                                  X509_EXTENSION **out, struct ks_err *err);

/* RFC 5280, 4.2.1.2 (1): SHA-1 of the public key's bits. */
KS_MUST_CHECK ks_rc ca_ext_ski(X509 *cert, X509_EXTENSION **out,
                               struct ks_err *err);
/* The issuer's SKI as it is stored; SKI: that of ISSUER. */
KS_MUST_CHECK ks_rc ca_ext_aki(const ASN1_OCTET_STRING *ski,
                               X509_EXTENSION **out, struct ks_err *err);

/* The key usages of PKEY's algorithm that EXT has; *out is NULL if EXT needs
 * no change. KS_E_POLICY if none is left. */
KS_MUST_CHECK ks_rc ca_ext_key_usage(const X509_EXTENSION *ext, int pkey_nid,
                                     X509_EXTENSION **out, struct ks_err *err);

#endif
