/*
 * Key URIs: keystore://BACKEND/KEY?attribute=value&...   (RFC 3986 syntax,
 * query attributes as in RFC 7512, 2.4).
 */
#ifndef KS_URI_H
#define KS_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "ks_buf.h"
#include "ks_err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KS_URI_SCHEME "keystore"
#define KS_URI_MAX 4096     /* bytes of a whole URI */
#define KS_KEY_NAME_MAX 255 /* bytes of a key's name, decoded UTF-8 */
#define KS_BACKEND_NAME_MAX 64

enum ks_uri_type {
    KS_URI_ANY,
    KS_URI_PRIVATE,
    KS_URI_PUBLIC,
    KS_URI_CERT
};

struct ks_uri {
    char *backend;              /* "default" where the URI has none */
    char *key;                  /* decoded; "" lists the backend */
    enum ks_uri_type type;      /* ?type= */
    char *pin_source;           /* ?pin-source=, decoded; NULL if absent */
    struct ks_secret pin_value; /* ?pin-value=, decoded */
    bool has_pin_value;
    /* ?so-pin-source=, the security officer's PIN; NULL if absent. An empty
     * source, of either PIN, takes back the configured one. */
    char *so_pin_source;
    /* What a person calls the key, of URIs of other schemes (the object of a
     * pkcs11: URI); NULL if the URI does not say, or it is KEY. */
    char *alias;
    /* The file of code that the URI itself wants run (module-path); NULL if
     * there is none. A URI from an unknown hand must not choose it. */
    char *module;
};

/*
 * Parses TEXT. KS_E_INVALID with a text that names the fault and never a
 * pin-value: unknown scheme or attribute, attribute given twice, bad percent
 * encoding, NUL or control character, bad UTF-8, name too long, user or port
 * in the authority, fragment. *uri is { 0 } on failure.
 */
KS_MUST_CHECK ks_rc ks_uri_parse(const char *text, struct ks_uri *uri,
                                 struct ks_err *err);

/*
 * Sets one query attribute of URI from "name=value", still encoded, of LEN
 * bytes at ATTRIBUTE: for URIs of other schemes that share them. TEXT is the
 * whole URI, for errors; *SEEN starts as 0 and tells of repetitions. Results
 * and texts as ks_uri_parse.
 */
KS_MUST_CHECK ks_rc ks_uri_set_attribute(struct ks_uri *uri, const char *text,
                                         const char *attribute, size_t len,
                                         unsigned *seen, struct ks_err *err);

/* Wipes and frees what URI holds, then { 0 }. */
void ks_uri_clear(struct ks_uri *uri);

/* True if TEXT starts with "keystore:", in any case. */
bool ks_uri_is_keystore(const char *text);

/* Makes the canonical keystore://BACKEND/KEY, percent-encoded, with no query.
 * KEY "" or NULL gives the listing URI. Caller frees *out with OPENSSL_free.
 * KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ks_uri_format(const char *backend, const char *key,
                                  char **out);

/* As ks_uri_format with ?pin-source=SOURCE (encoded) when SOURCE != NULL. */
KS_MUST_CHECK ks_rc ks_uri_format_source(const char *backend, const char *key,
                                         const char *pin_source, char **out);

/* The first URI of a list "URI, URI", of *len bytes; NULL at its end. *at goes
 * on behind it. A comma ends a URI if a space or another URI follows; others
 * are part of it. */
const char *ks_uri_next(const char **at, size_t *len);

/* KS_E_INVALID unless NAME can be a key's name: 1..255 bytes of UTF-8, no
 * control characters. */
KS_MUST_CHECK ks_rc ks_key_name_check(const char *name, struct ks_err *err);

/* KS_E_INVALID unless NAME can be a backend's name: 1..64 lower-case letters,
 * digits, '.', '_' and '-'. A URI may write it in any case. */
KS_MUST_CHECK ks_rc ks_backend_name_check(const char *name, struct ks_err *err);

/* Copies TEXT, at most SIZE - 1 bytes, with every pin-value, and what follows
 * pin-source=pass:, replaced by "***", whether TEXT is a well-formed URI or
 * not. For messages. */
void ks_uri_redact(const char *text, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
