/*
 * Result codes and error texts, shared by every layer.
 *
 * A code tells the caller what to do; a text tells a person what happened.
 * The layer nearest the fault writes the text; those above keep it.
 */
#ifndef KS_ERR_H
#define KS_ERR_H

#ifdef __cplusplus
extern "C" {
#endif

#define KS_MUST_CHECK __attribute__((warn_unused_result))

/*
 * The one list of results: name, number, text. The provider raises them as
 * its OpenSSL reason codes (reason = -rc), so a program that reads the error
 * queue learns the same result as a caller of the library.
 */
#define KS_RC_LIST(X)                                                          \
    X(KS_E_INTERNAL, -101, "internal error")                                   \
    X(KS_E_NOMEM, -102, "out of memory")                                       \
    X(KS_E_INVALID, -103, "invalid value")                                     \
    X(KS_E_CONFIG, -104, "configuration error")                                \
    X(KS_E_NOT_FOUND, -105, "not found")                                       \
    X(KS_E_EXISTS, -106, "name is taken")                                      \
    X(KS_E_UNSUPPORTED, -107, "not supported")                                 \
    X(KS_E_SECRET_MISSING, -108, "no passphrase or PIN")                       \
    X(KS_E_SECRET_WRONG, -109, "wrong passphrase or PIN")                      \
    X(KS_E_DAMAGED, -110, "key is damaged")                                    \
    X(KS_E_DENIED, -111, "access denied")                                      \
    X(KS_E_NOT_EXPORTABLE, -112, "key does not leave its backend")             \
    X(KS_E_IO, -113, "storage error")                                          \
    X(KS_E_FULL, -114, "storage is full")                                      \
    X(KS_E_BUSY, -115, "storage is busy")                                      \
    X(KS_E_CRYPTO, -116, "cryptographic operation failed")                     \
    X(KS_E_POLICY, -117, "refused by policy")                                  \
    X(KS_E_VERIFY, -118, "verification failed")                                \
    X(KS_E_INTERRUPTED, -119, "interrupted")

#define KS_RC_ENUM(name, number, text) name = (number),
typedef enum {
    KS_OK = 0,
    KS_RC_LIST(KS_RC_ENUM)
} ks_rc;
#undef KS_RC_ENUM

/* Caller-owned, starts as { 0 }. Never holds a secret. */
struct ks_err {
    char text[512]; /* what, which, why; lower case, no full stop */
    char hint[256]; /* what to do about it; may be empty */
};

/*
 * Writes the text if ERR has none yet (the first text is nearest the fault)
 * and returns RC. ERR may be NULL.
 */
ks_rc ks_fail(struct ks_err *err, ks_rc rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As ks_fail, and appends ": " and strerror(errno). */
ks_rc ks_fail_errno(struct ks_err *err, ks_rc rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sets the hint if there is none yet. ERR may be NULL. */
void ks_hint(struct ks_err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The text of the list above for RC; never NULL. */
const char *ks_rc_text(ks_rc rc);

/* KS_E_FULL, KS_E_DENIED, KS_E_BUSY, KS_E_NOT_FOUND, KS_E_EXISTS, ... or
 * KS_E_IO for an errno value. */
ks_rc ks_rc_of_errno(int errnum);

#ifdef __cplusplus
}
#endif

#endif
