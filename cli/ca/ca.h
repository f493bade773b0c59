/*
 * The CA library: profiles, requests, creation of CAs, issuing. It knows no
 * argv, prints nothing and never exits. Keys are reached only by URI through
 * EVP and OSSL_STORE; records are in the inventory.
 *
 * Results: KS_E_POLICY (refused, with the reason), KS_E_INVALID (a value
 * that cannot be meant), KS_E_NOT_FOUND, KS_E_EXISTS, KS_E_CONFIG (profiles),
 * those of the inventory, and for keys KS_E_SECRET_MISSING,
 * KS_E_SECRET_WRONG, KS_E_DAMAGED, KS_E_UNSUPPORTED, KS_E_CRYPTO. On failure
 * *err has a text and outputs are untouched.
 */
#ifndef CA_H
#define CA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <openssl/types.h>
#include <openssl/ui.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "ks_buf.h"
#include "ks_config.h"
#include "ks_err.h"
#include "ks_inventory.h"

/*
 * Where a token's PIN comes from: the user's or the security officer's. NULL:
 * what the key's URI or its backend says; "": not what the backend says.
 * Both left is an error of the key's use.
 */
struct ca_pins {
    const char *user;
    const char *so;
};

/* What all acts work with. Everything is borrowed. */
struct ca_env {
    OSSL_LIB_CTX *libctx;           /* NULL: the default one */
    const char *propq;              /* NULL: none */
    struct ks_inventory *inv;       /* may be NULL where nothing is recorded */
    const struct ks_config *config; /* may be NULL: built-in profiles only */
    const UI_METHOD *ui; /* how libcrypto asks for a loaded key's secret */
    void *ui_data;
    const char *passin;        /* source of a loaded key's secret, before
                                  what its URI and its backend say; NULL: none */
    struct ca_pins pins;       /* likewise of a token's key; before passin */
    bool (*interrupted)(void); /* asked during long work; NULL: never */
    const char *actor;         /* for the audit log; NULL: "uid N" */
    time_t now;                /* 0: the system's clock */
};

/* --- keys -------------------------------------------------------------- */

/* A key to be made. */
struct ca_key_spec {
    const char *uri;     /* where: keystore://BACKEND/KEY, or pkcs11: */
    const char *type;    /* "rsa:3072", "rsa-pss:3072", "ec:P-384", "ed25519",
                            "ed448", "x25519", "x448"; NULL: "ec:P-256" */
    const char *passout; /* source of its secret; NULL: the backend's */
    struct ca_pins pins; /* of the token that it is made on */
    const char *usage;   /* of a key on a token: "sign,decrypt,derive" or fewer;
                            NULL: as its type goes */
};

/* KS_E_INVALID naming the fault and what is known, unless TYPE can be made.
 * RSA from 2048 to 16384 bits. */
KS_MUST_CHECK ks_rc ca_key_type_check(const char *type, struct ks_err *err);

/*
 * Makes the key in its backend (EVP_PKEY_generate with provider=keystore),
 * and nothing else: no intent, no audit row. KS_E_EXISTS. *out may be NULL.
 * A `URI` of any other scheme is refused.
 */
KS_MUST_CHECK ks_rc ca_key_generate(const struct ca_env *env,
                                    const struct ca_key_spec *spec,
                                    EVP_PKEY **out, struct ks_err *err);
/* The result RC, and the hint, of making or importing the key SPEC. */
ks_rc ca_key_new_refused(const struct ca_env *env,
                         const struct ca_key_spec *spec, ks_rc rc,
                         struct ks_err *err);
/* As ca_key_generate, safe against interruption, and an audit row. */
KS_MUST_CHECK ks_rc ca_key_create(const struct ca_env *env,
                                  const struct ca_key_spec *spec,
                                  EVP_PKEY **out, struct ks_err *err);

/* Loads by any OSSL_STORE URI or a file name. Caller frees *out with
 * EVP_PKEY_free. KS_E_NOT_FOUND, KS_E_SECRET_*, KS_E_DAMAGED with a text. */
KS_MUST_CHECK ks_rc ca_key_load(const struct ca_env *env, const char *uri,
                                EVP_PKEY **out, struct ks_err *err);
/* The public half only; asks for no secret where the store can do without. */
KS_MUST_CHECK ks_rc ca_key_load_public(const struct ca_env *env,
                                       const char *uri, EVP_PKEY **out,
                                       struct ks_err *err);
/* Removes a keystore: or pkcs11: key for ever (also where libcrypto is 3.0).
 * KS_E_POLICY if a CA of the inventory uses it, or keys are sealed to it,
 * unless FORCE.
 * Writes an audit row. */
KS_MUST_CHECK ks_rc ca_key_delete(const struct ca_env *env, const char *uri,
                                  bool force, struct ks_err *err);

/* Keeps PKEY, private half and all, as SPEC says (its type is PKEY's), with
 * CERTS beside it: DER, its own first, then its issuers, one after the other;
 * may be NULL or empty. Safe against interruption, and an audit row.
 * KS_E_EXISTS. */
KS_MUST_CHECK ks_rc ca_key_import(const struct ca_env *env, EVP_PKEY *pkey,
                                  const struct ca_key_spec *spec,
                                  const struct ks_buf *certs,
                                  struct ks_err *err);
/* True if the private half stays in its backend. */
bool ca_key_stays(const EVP_PKEY *pkey);
/* As ca_key_load, but the private half is in memory: out of a token too, if
 * that lets it go. KS_E_NOT_EXPORTABLE. */
KS_MUST_CHECK ks_rc ca_key_take_out(const struct ca_env *env, const char *uri,
                                    EVP_PKEY **out, struct ks_err *err);

struct ca_move_spec {
    const char *from;      /* its URI, as given; its secret is env->passin */
    struct ca_key_spec to; /* no type */
    bool force;            /* even if other keys are sealed to it */
};
struct ca_moved {
    char *from, *to; /* canonical */
    int64_t n_cas;   /* whose key it is */
    int64_t n_certs; /* that were made with it */
};
/*
 * Moves a key. All that is recorded of it names the new place from one moment
 * on, at which it is in both; only then is it removed. On failure it is where
 * it was, except that an error of the removal leaves it in both places.
 * KS_E_EXISTS, KS_E_NOT_EXPORTABLE; KS_E_POLICY: keys are sealed to it.
 * Writes an audit row. Caller clears *moved.
 */
KS_MUST_CHECK ks_rc ca_key_move(const struct ca_env *env,
                                const struct ca_move_spec *spec,
                                struct ca_moved *moved, struct ks_err *err);
void ca_moved_clear(struct ca_moved *moved);

/* How a key is to be sealed from now on. NULL: as its section says. */
struct ca_reseal_spec {
    const char *act;         /* for the audit log: "key.reseal" */
    const char *passin;      /* source of the old secret */
    const char *passout;     /* of the new one */
    const char *seal_to;     /* "URI, URI" */
    const char *kdf;         /* "scrypt:N:r:p" */
    const char *unseal_with; /* the URI of a key that opens the old seal */
};
/*
 * Seals a key anew: at any moment either the old or the new seal is there. A
 * key that is sealed like that already stays as it is: then *changed is false.
 * Writes an audit row. URI is canonical.
 */
KS_MUST_CHECK ks_rc ca_key_reseal(const struct ca_env *env, const char *uri,
                                  const struct ca_reseal_spec *spec,
                                  bool *changed, struct ks_err *err);

/* The certificates that are kept beside a key, its own first; an empty list if
 * there are none. Asks for no secret. Caller frees with sk_X509_pop_free. */
KS_MUST_CHECK ks_rc ca_key_certs(const struct ca_env *env, const char *uri,
                                 STACK_OF(X509) * *out, struct ks_err *err);
/* Keeps CERTS, as for ca_key_import, beside the key in the place of what is
 * there; empty: none. Writes an audit row. KS_E_UNSUPPORTED. */
KS_MUST_CHECK ks_rc ca_key_certify(const struct ca_env *env, const char *uri,
                                   const struct ks_buf *certs,
                                   struct ks_err *err);
/* All of CERTS, DER, one after the other. Caller clears *der. */
KS_MUST_CHECK ks_rc ca_certs_der(const STACK_OF(X509) * certs,
                                 struct ks_buf *der, struct ks_err *err);
/* KS_E_INVALID unless the first of CERTS is PKEY's, and each other one is of
 * the issuer of the one before. NAME is for messages. */
KS_MUST_CHECK ks_rc ca_certs_check(const STACK_OF(X509) * certs, EVP_PKEY *pkey,
                                   const char *name, struct ks_err *err);

/* Canonical text of a key's URI: its name, without PINs, sources and type.
 * Caller frees with OPENSSL_free. KS_E_INVALID. */
KS_MUST_CHECK ks_rc ca_key_uri(const char *uri, char **out, struct ks_err *err);
/* The same as it may be stored: with the sources of PINs that URI names, file:
 * paths absolute. KS_E_INVALID for a pin-value, and for sources that only this
 * command has. */
KS_MUST_CHECK ks_rc ca_key_uri_kept(const char *uri, char **out,
                                    struct ks_err *err);
/* URI with PINS in place of its own; those that are NULL stay. Caller frees
 * with OPENSSL_clear_free. */
KS_MUST_CHECK ks_rc ca_key_uri_with(const char *uri, const struct ca_pins *pins,
                                    char **out, struct ks_err *err);
/* True for keystore: and pkcs11: URIs, in any case. */
bool ca_key_uri_is_ours(const char *uri);
bool ca_key_uri_is_pkcs11(const char *uri);
/* True if URI has a pin-source, so-pin-source or pin-value. */
bool ca_key_uri_has_pin(const char *uri);
/* The configured backend of a keystore: URI; NULL if there is none. */
const struct ks_section *ca_key_section(const struct ca_env *env,
                                        const char *uri);
/* True if the key is on a PKCS#11 token. */
bool ca_key_on_token(const struct ca_env *env, const char *uri);

/* One fact about a key's private half or a backend: "sensitive", "yes". */
typedef ks_rc ca_fact_fn(void *arg, const char *name, const char *value,
                         struct ks_err *err);
/* What its token tells of a key; nothing for keys that are on none. Asks by
 * env->ui, if that is not NULL, where the token wants a PIN. */
KS_MUST_CHECK ks_rc ca_key_describe(const struct ca_env *env, const char *uri,
                                    ca_fact_fn *each, void *arg,
                                    struct ks_err *err);
/* What there is to tell of a backend's place without any secret. All that can
 * be told is; the result is that of the first thing that is wrong. */
KS_MUST_CHECK ks_rc ca_backend_check(const struct ca_env *env,
                                     const char *backend, ca_fact_fn *each,
                                     void *arg, struct ks_err *err);
/* Makes the backend's place: initialises a token. PINS as sources; NULL: of
 * caadm.conf, else asked for. KS_E_EXISTS. Writes an audit row. */
KS_MUST_CHECK ks_rc ca_backend_init(const struct ca_env *env,
                                    const char *backend,
                                    const struct ca_pins *pins,
                                    struct ks_err *err);

/* "rsa:3072", "ec:P-256", "ed25519" ... of a key. Caller's buffer. */
void ca_key_type_text(const EVP_PKEY *pkey, char *out, size_t size);

/*
 * Turns libcrypto's error queue into a result, a text and a hint, and empties
 * it. Errors of our provider carry their result as the reason. WHAT is the
 * object's name for the other ones; FALLBACK their result when nothing
 * better is known.
 */
ks_rc ca_crypto_fail(ks_rc fallback, const char *what, struct ks_err *err);

/* --- times -------------------------------------------------------------- */

/* "90d", "12h", "30m", "8w", "2y": seconds (y = 365 d). KS_E_INVALID. */
KS_MUST_CHECK ks_rc ca_duration_parse(const char *text, int64_t *seconds,
                                      struct ks_err *err);
/* A duration from BASE, "2030-01-31" (midnight UTC), or RFC 3339
 * "2030-01-31T12:00:00Z" / "+02:00". KS_E_INVALID. */
KS_MUST_CHECK ks_rc ca_time_parse(const char *text, time_t base, time_t *out,
                                  struct ks_err *err);

/* Zero fields: from now; for the profile's time. NOT_AFTER, if given, is the
 * last second; SECONDS counts both ends: 90 d end 7776000 - 1 s later. */
struct ca_validity {
    time_t not_before;
    time_t not_after;
    int64_t seconds;
};

/* --- names --------------------------------------------------------------- */

/* RFC 4514 text in certificate order, as written, not reversed:
 * "C=SE,O=Example,CN=www". Caller frees. KS_E_INVALID. */
KS_MUST_CHECK ks_rc ca_name_parse(const char *text, X509_NAME **out,
                                  struct ks_err *err);
/* The same notation back. Caller frees with OPENSSL_free; NULL: no memory. */
char *ca_name_text(const X509_NAME *name);

/* One SAN, by prefix dns: ip: email: uri: dirname: rid: other:, or by its
 * looks. Caller frees. KS_E_INVALID. */
KS_MUST_CHECK ks_rc ca_san_parse(const char *text, GENERAL_NAME **out,
                                 struct ks_err *err);
/* With its prefix: "dns:www.example.com". Caller frees with OPENSSL_free. */
char *ca_san_text(const GENERAL_NAME *name);

/* --- profiles ------------------------------------------------------------ */

/* One extension of a profile: OpenSSL's name and X509V3 value string. */
struct ca_ext {
    const char *name;
    const char *value;
};

/* Borrowed from ENV's configuration and this library, until it is freed. */
struct ca_profile {
    const char *name;
    const char *description;
    bool built_in;   /* false: from, or changed by, caadm.conf */
    bool is_ca;      /* makes CA certificates */
    int64_t seconds; /* validity */
    const struct ca_ext *exts;
    size_t n_exts;
    const char *const *copy; /* what it copies from a CSR */
    size_t n_copy;
    uint8_t hash[KS_HASH_LEN]; /* of all of the above */
};

#define CA_PROFILE_DEFAULT "server"

/* Caller frees with ca_profile_free. KS_E_NOT_FOUND lists those there are;
 * KS_E_CONFIG names section, key and fault. */
KS_MUST_CHECK ks_rc ca_profile_find(const struct ca_env *env, const char *name,
                                    struct ca_profile **out,
                                    struct ks_err *err);
void ca_profile_free(struct ca_profile *profile);
/* Every profile once, built-in ones first. Stops as the other listings do. */
typedef ks_rc ca_profile_fn(void *arg, const struct ca_profile *profile,
                            struct ks_err *err);
KS_MUST_CHECK ks_rc ca_profile_each(const struct ca_env *env,
                                    ca_profile_fn *each, void *arg,
                                    struct ks_err *err);

/* --- requests ------------------------------------------------------------ */

#define CA_CSR_MAX (1024 * 1024) /* bytes of a request */

struct ca_csr;

/* PEM or DER; checked: one request and nothing after it, its signature, its
 * key's strength. NAME is for messages. KS_E_INVALID (no request, trailing
 * data), KS_E_POLICY (signature, weak or unknown key). Copies. */
KS_MUST_CHECK ks_rc ca_csr_parse(const struct ca_env *env, const char *name,
                                 const void *data, size_t len,
                                 struct ca_csr **out, struct ks_err *err);
/* Reads the file ("-": stdin) and parses it. KS_E_NOT_FOUND, KS_E_IO. */
KS_MUST_CHECK ks_rc ca_csr_read(const struct ca_env *env, const char *path,
                                struct ca_csr **out, struct ks_err *err);
void ca_csr_free(struct ca_csr *csr);
/* Borrowed from CSR. */
const X509_REQ *ca_csr_request(const struct ca_csr *csr);

/* --- issuing -------------------------------------------------------------- */

/* Texts that the caller shows. Cleared by ca_strings_clear. */
struct ca_strings {
    char **items;
    size_t n;
};
void ca_strings_clear(struct ca_strings *strings);

/* A CA with its key and its chain. */
struct ca_authority;

/*
 * Opens the CA named NAME for issuing: KS_E_NOT_FOUND, KS_E_POLICY (retired,
 * revoked, expired, not yet valid, not its key's certificate, or the clock
 * stands before the last audit row), key errors. With PREVIEW the private
 * key is not loaded, only previews can be made, and nothing is written.
 */
KS_MUST_CHECK ks_rc ca_authority_open(const struct ca_env *env,
                                      const char *name, bool preview,
                                      struct ca_authority **out,
                                      struct ks_err *err);
void ca_authority_close(struct ca_authority *authority);
/* Borrowed from AUTHORITY. */
const struct ks_ca_row *ca_authority_row(const struct ca_authority *authority);
X509 *ca_authority_cert(const struct ca_authority *authority);

/* What to issue. The public key is from exactly one of csr, new_key and
 * key_uri. Everything is borrowed. */
struct ca_issue_spec {
    const char *profile; /* NULL: CA_PROFILE_DEFAULT */
    const struct ca_csr *csr;
    const struct ca_key_spec *new_key; /* made now; undone if it fails */
    const char *key_uri;               /* of a key that exists */
    const char *subject;               /* NULL: the first SAN becomes the CN */
    const char *const *sans;
    size_t n_sans;
    struct ca_validity validity;
    bool clamp; /* end with the CA instead of refusing to outlive it */
    /* Extensions of the command: they replace the profile's. Never
     * basicConstraints, keyUsage with keyCertSign, nameConstraints, AKI,
     * SKI. */
    const struct ca_ext *exts;
    size_t n_exts;
    /* Copied from the CSR, beside the profile's list: "subject",
     * "subjectAltName", or an extension's name. */
    const char *const *copy;
    size_t n_copy;
};

struct ca_issued {
    int64_t id;                 /* its row */
    char serial[KS_SERIAL_HEX]; /* "" in a preview */
    char *profile;
    X509 *cert;
    struct ks_buf der;         /* a preview's: to be signed, unsigned */
    struct ca_strings names;   /* the SANs, as ca_san_text */
    struct ca_strings dropped; /* what the CSR asked for in vain: "WHAT: WHY" */
    struct ca_strings notes;   /* e.g. "IDN bücher.example is xn--..." */
    char *key_uri;             /* of the key made; NULL */
};
void ca_issued_clear(struct ca_issued *issued);

/* Issues. When it returns KS_OK the certificate is recorded; on any failure
 * nothing was issued and a new key is gone. */
KS_MUST_CHECK ks_rc ca_issue(const struct ca_env *env,
                             struct ca_authority *authority,
                             const struct ca_issue_spec *spec,
                             struct ca_issued *issued, struct ks_err *err);

/* One result of many. */
struct ca_issue_result {
    ks_rc rc;
    struct ks_err err;
    struct ca_issued issued;
};
/*
 * Issues N, with few commits (grouped). results[i] answers specs[i]; a
 * refusal concerns its own one only. The result is KS_OK if all went well,
 * else the first failure's; storage failing stops the rest. Caller clears
 * each results[i].issued. new_key is not allowed here.
 */
KS_MUST_CHECK ks_rc ca_issue_many(const struct ca_env *env,
                                  struct ca_authority *authority,
                                  const struct ca_issue_spec *specs, size_t n,
                                  struct ca_issue_result *results,
                                  struct ks_err *err);

/* All checks and the bytes, but no serial, signature or record: for
 * --dry-run. issued->cert has an empty signature; serial 0. */
KS_MUST_CHECK ks_rc ca_preview(const struct ca_env *env,
                               struct ca_authority *authority,
                               const struct ca_issue_spec *spec,
                               struct ca_issued *issued, struct ks_err *err);

/* --- creating CAs ----------------------------------------------------------
 */

struct ca_create_spec {
    const char *name;
    const char *parent;                /* NULL: a self-signed root */
    const char *subject;               /* with a CN */
    const struct ca_key_spec *new_key; /* exactly one of these two */
    const char *key_uri;               /* of a key that exists */
    struct ca_pins key_pins;           /* its token's */
    struct ca_validity validity;       /* zero: 3650 d for roots, 1825 d */
    bool clamp;
    int path_length;           /* -1: the profile's, or no limit */
    const char *const *permit; /* name constraints, typed like SANs: */
    size_t n_permit;           /* "dns:example.com", "ip:10.0.0.0/8" */
    const char *const *exclude;
    size_t n_exclude;
    const char *profile;       /* NULL: "ca" */
    const struct ca_ext *exts; /* e.g. certificatePolicies */
    size_t n_exts;
    const char *crl_url; /* for what it will issue; NULL: none */
    const char *ocsp_url;
    const char *issuer_url;
};

/* Creates the CA, its key too unless key_uri names one. Wholly or not at
 * all. *created is as from ca_issue. */
KS_MUST_CHECK ks_rc ca_create(const struct ca_env *env,
                              const struct ca_create_spec *spec,
                              struct ca_issued *created, struct ks_err *err);
/* All checks and the bytes, nothing made. With new_key the certificate shown
 * has a throw-away key of that type. */
KS_MUST_CHECK ks_rc ca_create_preview(const struct ca_env *env,
                                      const struct ca_create_spec *spec,
                                      struct ca_issued *created,
                                      struct ks_err *err);

/* --- start -----------------------------------------------------------------
 */

struct ca_settled {
    size_t finished;  /* certificates completed from their stored bytes, and
                         moves of keys */
    size_t abandoned; /* given up: they count as revoked */
    size_t undone;    /* half-made CAs and keys removed */
    struct ca_strings notes; /* a sentence for each */
};
void ca_settled_clear(struct ca_settled *settled);

/* Settles what dead processes left; call once after opening the inventory
 * for writing. Costs one indexed look-up when there is nothing. Never asks a
 * person: keys that need asking count as unavailable. */
KS_MUST_CHECK ks_rc ca_settle(const struct ca_env *env,
                              struct ca_settled *settled, struct ks_err *err);

/* --- showing -----------------------------------------------------------------
 */

/* Everything a listing or a JSON object says of one certificate. */
struct ca_cert_info {
    char *subject; /* ca_name_text */
    char *issuer;
    char serial[KS_SERIAL_HEX];
    time_t not_before;
    time_t not_after;
    char key_type[64];  /* ca_key_type_text */
    char signature[64]; /* "ecdsa-with-SHA384" */
    bool is_ca;
    int path_length;         /* -1: no limit, or no CA */
    struct ca_strings names; /* SANs with their prefixes */
    struct ca_strings exts;  /* "NAME[, critical]: VALUE", on one line each */
    char sha256[2 * KS_HASH_LEN + 1];     /* fingerprint of the certificate */
    char key_sha256[2 * KS_HASH_LEN + 1]; /* of its SubjectPublicKeyInfo */
    char ski[2 * 64 + 1];                 /* "" if none */
};
/* Caller clears *info. KS_E_INVALID if DER is no certificate. */
KS_MUST_CHECK ks_rc ca_cert_describe(const struct ks_buf *der,
                                     struct ca_cert_info *info,
                                     struct ks_err *err);
void ca_cert_info_clear(struct ca_cert_info *info);

enum ca_format {
    CA_PEM,
    CA_DER,
    CA_TEXT
};

/*
 * The certificate DER in FORMAT; with CHAIN (PEM and text) followed by its
 * issuers up to, not including, the root. CA is its issuer's row id (0: no
 * chain). Caller clears *out; it has a NUL after its bytes in PEM and text.
 */
KS_MUST_CHECK ks_rc ca_cert_format(const struct ca_env *env,
                                   const struct ks_buf *der, int64_t ca,
                                   bool chain, enum ca_format format,
                                   struct ks_buf *out, struct ks_err *err);

#endif
