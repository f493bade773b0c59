/*
 * The backend interface: what a place that holds keys must do. Built-in
 * backends and third-party ones (docs/backend.md) implement this and nothing
 * else; tests/contract holds every one of them to it.
 *
 * A backend knows names and bytes; it knows nothing of OpenSSL providers,
 * URIs' syntax or X.509 policy. It keeps material keys, operation keys, or
 * both:
 *   material    A record of the key comes and goes, with a private half that
 *               the keystore has sealed before: no passphrase and no clear key
 *               ever gets here (but for sealing = none in its section).
 *   operation   The private half never comes out; the backend makes the key,
 *               and signs, decrypts or derives with it.
 * Keys cross this border in standard encodings:
 *   public half   SubjectPublicKeyInfo, DER (RFC 5280, 4.1)
 *   private half  as ks_form says; unsealed it is a PKCS#8 PrivateKeyInfo, DER
 *                 (RFC 5958)
 *
 * Threads: one store may be used by many threads at once.
 * Processes: many processes may open the same place at once.
 * Names: valid by ks_key_name_check before any callback sees them.
 * Results: outputs are untouched on failure; on failure *err has a text,
 * except that KS_E_NOT_FOUND is an answer and may leave it empty.
 */
#ifndef KS_BACKEND_H
#define KS_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <openssl/types.h>

#include "ks_ask.h"
#include "ks_buf.h"
#include "ks_err.h"
#include "ks_setting.h"
#include "ks_uri.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a struct or a callback below changes its meaning. */
#define KS_BACKEND_ABI 1u

/* What a backend is opened with. Borrowed for the length of open() only,
 * except LIBCTX, which outlives the store. */
struct ks_backend_env {
    const char *name;                  /* the configured backend name */
    const char *dir;                   /* relative paths are below this */
    const struct ks_setting *settings; /* its section of caadm.conf */
    size_t n_settings;
    OSSL_LIB_CTX *libctx; /* for all cryptography of the backend */
    const char *propq;    /* with this property query */

    /* Of a store for a URI of the backend's own scheme; else NULL. NAME is
     * then NULL, and the settings are those of the provider's section in
     * openssl.cnf that the backend knows ("module"). */
    const char *uri;
    /* All configured backends of this type: what they say of a place holds
     * for the same place named by a URI. */
    const struct ks_section *const *peers;
    size_t n_peers;
};

#define KS_ORIGIN_SIZE 32

/* What is known of a key without any secret. Owned by its holder. */
struct ks_key_info {
    struct ks_buf spki;
    struct ks_buf cert;  /* X.509 DER; { 0 } if none is kept with the key */
    struct ks_buf chain; /* the certificates above it, DER, one after the
                            other, issuers after what they issued */
    time_t created;      /* 0 if unknown */
    char origin[KS_ORIGIN_SIZE]; /* a word: "generated", "imported"; "" if
                                    unknown */
};
/* Caller clears *to, which is { 0 } before. KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ks_key_info_copy(struct ks_key_info *to,
                                     const struct ks_key_info *from);
void ks_key_info_clear(struct ks_key_info *info); /* takes NULL */

/* How the private half of a record is kept. Values are stored: they stay. */
enum ks_form {
    KS_FORM_INSIDE = 0,     /* not at all: an operation key, see open_key */
    KS_FORM_PLAIN = 1,      /* PrivateKeyInfo (RFC 5958), not sealed */
    KS_FORM_PASSPHRASE = 2, /* EncryptedPrivateKeyInfo (RFC 5958) */
    KS_FORM_CMS = 3,        /* ContentInfo of AuthEnvelopedData (RFC 5083),
                               sealed to other keys */
};

#define KS_PRIVATE_HALF_MAX (32 * 1024) /* bytes, in any form */

/* A material key as it is kept. Owned by its holder. */
struct ks_record {
    struct ks_key_info info;
    enum ks_form form;
    struct ks_secret private_half;
    char *recipients; /* KS_FORM_CMS: the URIs of the keys that it is sealed to,
                         separated by ", ": where to look for one that opens
                         it; nobody trusts them. NULL: unknown.
                         OPENSSL_malloc. */
};
/* True if both are the same in all they have: for replace(). */
bool ks_record_equal(const struct ks_record *a, const struct ks_record *b);
void ks_record_clear(struct ks_record *record); /* takes NULL */
/* Gives what is public of RECORD to *info, and clears the rest: info() for
 * those that have get(). */
void ks_record_take_info(struct ks_record *record, struct ks_key_info *info);

/* Keys that are looked for: those whose public half, or certificate, has this
 * digest; or whose certificate has this subject. One kind a query. */
struct ks_query {
    const char *digest; /* "SHA2-256", ... of the DER */
    const uint8_t *fingerprint;
    size_t fingerprint_len;
    const uint8_t *subject; /* a Name, DER (RFC 5280, 4.1.2.4) */
    size_t subject_len;
};

/* Gets a fact, both texts for a person and for scripts: a word ("sensitive",
 * "mechanisms") and its value. A result other than KS_OK ends the telling and
 * is its result. */
typedef ks_rc ks_fact_fn(void *arg, const char *name, const char *value,
                         struct ks_err *err);

/* Gets every name once; a result other than KS_OK stops the listing and is
 * its result. */
typedef ks_rc ks_list_fn(void *arg, const char *name, struct ks_err *err);

/* How an operation key is used. Fields that the mechanism does not need are
 * zero. Digest names are OpenSSL's ("SHA2-256"). */
enum ks_mech {
    KS_MECH_RSA_PKCS1 = 1, /* sign DIGEST's output (RFC 8017, 8.2); digest
                              NULL: sign the input as it is, padded */
    KS_MECH_RSA_PSS,       /* sign DIGEST's output (RFC 8017, 8.1) */
    KS_MECH_RSA_RAW,       /* sign or decrypt a block of the modulus' length */
    KS_MECH_ECDSA,         /* sign DIGEST's output; result is DER */
    KS_MECH_EDDSA,         /* sign a message (RFC 8032, pure) */
    KS_MECH_RSA_PKCS1_DECRYPT,
    KS_MECH_RSA_PKCS1_TLS, /* TLS premaster secret, RFC 5246, 7.4.7.1 */
    KS_MECH_RSA_OAEP,
    KS_MECH_ECDH, /* peer: X9.62 point; result: X coordinate */
    KS_MECH_XDH,  /* X25519, X448; peer: raw public key (RFC 7748) */
};

struct ks_mech_params {
    enum ks_mech mech;
    const char *digest;
    const char *mgf1_digest; /* PSS, OAEP */
    int salt_len;            /* PSS, in bytes */
    const uint8_t *label;    /* OAEP */
    size_t label_len;
    bool cofactor; /* ECDH */
    /* PKCS1_DECRYPT: bad padding is an error, never a made-up message
     * (libcrypto 3.2 and later would give one). */
    bool explicit_rejection;
    unsigned tls_client_version;
    unsigned tls_alt_version;
};

/*
 * Operations of a key whose private half stays inside. A key may be used by
 * many threads at once. Any member but free may be NULL: not supported.
 */
struct ks_key_ops {
    /* Signs IN. SIG has room for *sig_len bytes (always the key's maximum);
     * *sig_len becomes what was written. */
    ks_rc (*sign)(void *key, const struct ks_mech_params *params,
                  const uint8_t *in, size_t in_len, uint8_t *sig,
                  size_t *sig_len, struct ks_err *err);
    /* Decrypts IN into *out, which the caller clears. */
    ks_rc (*decrypt)(void *key, const struct ks_mech_params *params,
                     const uint8_t *in, size_t in_len, struct ks_secret *out,
                     struct ks_err *err);
    /* Agrees on *out, which the caller clears. */
    ks_rc (*derive)(void *key, const struct ks_mech_params *params,
                    const uint8_t *peer, size_t peer_len, struct ks_secret *out,
                    struct ks_err *err);
    void (*free)(void *key); /* takes NULL */
};

/* What the private half of a key may be used for. */
enum ks_usage {
    KS_USAGE_SIGN = 1,
    KS_USAGE_DECRYPT = 2,
    KS_USAGE_DERIVE = 4
};

/* What generate() is asked for: an algorithm name and parameters as in
 * openssl-genpkey(1): "RSA" with bits and exponent, "EC" with group, ... */
struct ks_keygen {
    const char *algorithm; /* "RSA", "RSA-PSS", "EC", "ED25519", ... */
    unsigned bits;         /* RSA; 0: the backend chooses */
    const char *group;     /* EC */
    unsigned usage;        /* ks_usage, added up; 0: derive for keys that can
                              do nothing else, sign for all others */
};

struct ks_backend {
    uint32_t abi;     /* KS_BACKEND_ABI */
    const char *type; /* "type = ..." in caadm.conf */

    /* Opens the place, which must exist or be made cheaply; asks for no
     * secret. KS_E_CONFIG for bad settings. */
    ks_rc (*open)(const struct ks_backend_env *env, void **store,
                  struct ks_err *err);
    void (*close)(void *store); /* takes NULL */

    /* Names in any order. */
    ks_rc (*list)(void *store, ks_list_fn *each, void *arg, struct ks_err *err);

    /* The public side of one key; never asks for a secret. KS_E_NOT_FOUND: of
     * a backend with operation keys, and without a text, it may mean that the
     * key is hidden until a secret is given, and open_key knows more.
     * KS_E_DAMAGED. Caller clears *info. */
    ks_rc (*info)(void *store, const char *name, struct ks_key_info *info,
                  struct ks_err *err);

    /* Removes the key for ever, all its parts. ASK (may be NULL: nobody
     * answers) is for places that want to know who does so. KS_E_NOT_FOUND. */
    ks_rc (*remove)(void *store, const char *name, const struct ks_ask *ask,
                    struct ks_err *err);

    /* Material keys; all NULL in a backend that has operation keys only. */

    /* What is kept under NAME. KS_E_NOT_FOUND, KS_E_DAMAGED (what can be told
     * without opening the private half is checked). Caller clears *record. */
    ks_rc (*get)(void *store, const char *name, struct ks_record *record,
                 struct ks_err *err);
    /* Keeps RECORD under a new name; wholly or not at all, and on stable
     * storage when it returns. KS_E_EXISTS. */
    ks_rc (*put)(void *store, const char *name, const struct ks_record *record,
                 struct ks_err *err);
    /* Puts RECORD in the place of OLD, which get() gave, in one step: at any
     * moment either of them is there. KS_E_BUSY if what is kept is OLD no
     * longer, KS_E_NOT_FOUND. */
    ks_rc (*replace)(void *store, const char *name, const struct ks_record *old,
                     const struct ks_record *record, struct ks_err *err);

    /* Operation keys; all NULL in a backend that has material keys only. */

    /* Makes a key inside; *spki is its public half. Nothing is left behind
     * on failure. KS_E_EXISTS, KS_E_UNSUPPORTED; without a text, and in a
     * backend with put(), the latter means: make it outside, then put it. */
    ks_rc (*generate)(void *store, const char *name,
                      const struct ks_keygen *spec, const struct ks_ask *ask,
                      struct ks_buf *spki, struct ks_err *err);
    /* Opens a key for use; *spki is its public half. *ops is borrowed from
     * the backend; *key is freed by ops->free, and may outlive neither the
     * store nor the backend. */
    ks_rc (*open_key)(void *store, const char *name, const struct ks_ask *ask,
                      const struct ks_key_ops **ops, void **key,
                      struct ks_buf *spki, struct ks_err *err);

    /* Takes a key from outside, in clear, for ever inside from then on: wholly
     * or not at all, and on stable storage when it returns. USAGE is as in
     * ks_keygen. NULL: takes none. KS_E_EXISTS, KS_E_UNSUPPORTED. */
    ks_rc (*import)(void *store, const char *name, const struct ks_buf *spki,
                    const struct ks_secret *pkcs8, unsigned usage,
                    const struct ks_ask *ask, struct ks_err *err);
    /* Gives a private key in clear, if it may leave: only when a person has
     * asked for just that. NULL: never. KS_E_DENIED, with the reason. Caller
     * clears *pkcs8. */
    ks_rc (*extract)(void *store, const char *name, const struct ks_ask *ask,
                     struct ks_secret *pkcs8, struct ks_err *err);

    /* Any of the following may be NULL: there is nothing of the kind. */

    /* Gives the names of at least all keys that fit QUERY, by an index. NULL,
     * or KS_E_UNSUPPORTED for this query: all keys are looked at. */
    ks_rc (*find)(void *store, const struct ks_query *query, ks_list_fn *each,
                  void *arg, struct ks_err *err);

    /* URIs of the backend's own: their scheme, lower case ("pkcs11"). A store
     * that is opened with env.uri has such URIs for names; list() gives those
     * that env.uri matches. */
    const char *scheme;
    /* Checks TEXT and takes it apart: *uri gets key (TEXT without secrets and,
     * unless it is a listing, type), type, pins; backend stays NULL. listing:
     * it names a place, not a key. KS_E_INVALID. */
    ks_rc (*parse_uri)(const char *text, struct ks_uri *uri, bool *listing,
                       struct ks_err *err);

    /* The certificate that is kept with the key, for places where it takes a
     * search of its own: info() may then leave it out. NULL: info() gives it.
     * KS_E_NOT_FOUND: there is none. Caller clears *cert. */
    ks_rc (*certificate)(void *store, const char *name, struct ks_buf *cert,
                         struct ks_err *err);

    /* Facts about a key's private half ("sensitive" "yes"). */
    ks_rc (*describe)(void *store, const char *name, const struct ks_ask *ask,
                      ks_fact_fn *each, void *arg, struct ks_err *err);
    /* Facts about the place, found out without any secret and without using
     * up a try of one. Tells all that it can; the result is that of the first
     * thing that is wrong. */
    ks_rc (*check)(const struct ks_backend_env *env, ks_fact_fn *each,
                   void *arg, struct ks_err *err);
    /* Makes the place itself, for ever empty before (a token). Never touches
     * one that is there: KS_E_EXISTS. */
    ks_rc (*initialise)(const struct ks_backend_env *env,
                        const struct ks_ask *ask, struct ks_err *err);
};

/* Built-in backends: no plug-in can link them. */
extern const struct ks_backend ks_file_backend;
extern const struct ks_backend ks_sqlite_backend;
extern const struct ks_backend ks_pkcs11_backend; /* hsm/ */

/*
 * The one symbol that a backend's shared object exports:
 *   KS_BACKEND_EXPORT const struct ks_backend ks_backend = {...};
 */
#define KS_BACKEND_SYMBOL "ks_backend"
#define KS_BACKEND_EXPORT __attribute__((visibility("default")))

#ifdef __cplusplus
}
#endif

#endif
