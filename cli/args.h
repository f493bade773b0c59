/*
 * Options that several commands share, turned into what the CA library
 * takes.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "ca/ca.h"
#include "cli.h"
#include "cmd.h"

/*
 * ARGS_..._ROWS are the rows of such a group: they fill MEMBER of a command's
 * struct TYPE. What differs between commands is theirs to say.
 */
#define ARGS_ROW(name, kind, type, member, arg, help)                          \
    {                                                                          \
        name, 0, kind, offsetof(type, member), arg, help                       \
    }

/* --days, --until and --from. */
struct args_validity {
    struct opt_uint days;
    const char *until;
    const char *from;
};
#define ARGS_VALIDITY_ROWS(type, member)                                       \
    ARGS_ROW("days", OPT_UINT, type, member.days, "N", "valid for N days"),    \
        ARGS_ROW(                                                              \
            "until", OPT_TEXT, type, member.until, "TIME",                     \
            "valid until then: 2030-01-31, RFC 3339, or 12h, 90d, 8w, 2y"),    \
        ARGS_ROW("from", OPT_TEXT, type, member.from, "TIME",                  \
                 "valid from then on; default: now")
KS_MUST_CHECK ks_rc args_validity(const struct args_validity *args,
                                  struct ca_validity *out, struct ks_err *err);

/* --user-pin and --so-pin: sources of a token's PIN; "": not the configured
 * one. */
struct args_pins {
    const char *user;
    const char *so;
};
#define ARGS_PIN_ROWS(type, member, whose)                                     \
    ARGS_ROW("user-pin", OPT_TEXT, type, member.user, "SOURCE",                \
             whose "; \"\": not from caadm.conf"),                             \
        ARGS_ROW("so-pin", OPT_TEXT, type, member.so, "SOURCE",                \
                 "where the security officer's PIN comes from, in its place")
/* Where there is one key. */
#define ARGS_PIN_HELP "on a token: where its user PIN comes from"
/* The first of them that was given; NULL: none. */
const char *args_pins_given(const struct args_pins *args);
/*
 * PINS for the key URI (or a backend's listing URI): checked, and what can be
 * read only once read. KS_E_INVALID: no source (it is not shown), URI is on no
 * token or names a source itself, or both PINs are left after what caadm.conf
 * says. *out borrows from ARGS and from memory that cli_ask_free wipes.
 */
KS_MUST_CHECK ks_rc args_pins(struct cli *cli, const struct args_pins *args,
                              const char *uri, struct ca_pins *out,
                              struct ks_err *err);

/* KS_E_INVALID unless USAGE (may be NULL) is made of sign, decrypt, derive and
 * the key URI is on a token. */
KS_MUST_CHECK ks_rc args_usage(struct cli *cli, const char *usage,
                               const char *uri, struct ks_err *err);

/* What a new key is to be. */
struct args_new {
    const char *key_type;
    const char *passout;
    const char *label; /* --key-label */
    const char *id;    /* --key-id */
    const char *usage;
    struct args_pins pins;
};
/* All but --key-type and --passout, of a command that makes only a key. */
#define ARGS_NEW_ROWS(type, member)                                            \
    ARGS_ROW("key-label", OPT_TEXT, type, member.label, "LABEL",               \
             "its name, where URI names a backend only: keystore://hsm/"),     \
        ARGS_ROW("key-id", OPT_TEXT, type, member.id, "HEX",                   \
                 "on a token: its CKA_ID; default: 16 random bytes"),          \
        ARGS_ROW("usage", OPT_TEXT, type, member.usage, "WORDS",               \
                 "on a token: what it may do, of sign,decrypt,derive; "        \
                 "default: sign, or derive where its type can do nothing "     \
                 "else"),                                                      \
        ARGS_PIN_ROWS(type, member.pins, ARGS_PIN_HELP)
/*
 * The key that URI and ARGS describe, checked. *SPEC borrows from ARGS, from
 * *FULL, its URI (caller frees it with OPENSSL_free, whatever the result), and
 * from memory that cli_ask_free wipes.
 */
KS_MUST_CHECK ks_rc args_new(struct cli *cli, const struct args_new *args,
                             const char *uri, struct ca_key_spec *spec,
                             char **full, struct ks_err *err);

/* Which key: --key, --new-key or --backend; and what a new one is to be. */
struct args_key {
    const char *key;
    const char *new_key;
    const char *backend;
    struct args_new make; /* no usage: that of what is issued */
};
/* All but these three and --key-type: of what is made together with a
 * certificate. A key without a label is named NAME; the PINs are of WHOSE. */
#define ARGS_KEY_ROWS(type, member, name, whose)                               \
    ARGS_ROW("passout", OPT_TEXT, type, member.make.passout, "SOURCE",         \
             "where the secret of the new key comes from"),                    \
        ARGS_ROW("key-label", OPT_TEXT, type, member.make.label, "LABEL",      \
                 "of a new key; default: " name),                              \
        ARGS_ROW(                                                              \
            "key-id", OPT_TEXT, type, member.make.id, "HEX",                   \
            "of a new key on a token: its CKA_ID; default: 16 random bytes"),  \
        ARGS_PIN_ROWS(type, member.make.pins, whose)
struct args_key_choice {
    char *uri;               /* OPENSSL_malloc */
    bool is_new;             /* then SPEC is filled */
    struct ca_key_spec spec; /* borrows from this and from ARGS */
    struct ca_pins pins;     /* of the key, new or not */
};
/* NAME is the key's name with --backend, and without any of the three, when
 * the backend is FALLBACK; with FALLBACK NULL no key is chosen then, and
 * choice->uri is NULL. Caller clears *choice. */
KS_MUST_CHECK ks_rc args_key(struct cli *cli, const struct args_key *args,
                             const char *fallback, const char *name,
                             struct args_key_choice *choice,
                             struct ks_err *err);
void args_key_clear(struct args_key_choice *choice);

/* KS_E_INVALID unless URI has a scheme that keys are known by: keystore:,
 * pkcs11:, file:. It is never a file's name. Warns of a pin-value, which
 * everybody on this machine can read. */
KS_MUST_CHECK ks_rc args_uri_check(const struct cli *cli, const char *option,
                                   const char *uri, struct ks_err *err);

/* True if URI, of a scheme of ours, names a place and no key in it. */
bool args_uri_is_listing(const char *uri);

/* The canonical form of a keystore: or pkcs11: URI that names a key, without
 * PINs. Caller frees *out with OPENSSL_free. */
KS_MUST_CHECK ks_rc args_uri_canonical(const struct cli *cli,
                                       const char *option, const char *uri,
                                       char **out, struct ks_err *err);
/* The URI of key LABEL in BACKEND, which must be able to keep ID unless that is
 * NULL. Caller frees *out with OPENSSL_free. */
KS_MUST_CHECK ks_rc args_uri_make(struct cli *cli, const char *backend,
                                  const char *label, const char *id, char **out,
                                  struct ks_err *err);
/* The URI of a key to be made, from URI or, where that names a backend only,
 * LABEL, a key's name; with ID. Its secret is said by --passout, and not in the
 * URI, unless that is a source of a token's PIN. LABEL and ID may be NULL. */
KS_MUST_CHECK ks_rc args_uri_new(struct cli *cli, const char *option,
                                 const char *uri, const char *label,
                                 const char *id, char **out,
                                 struct ks_err *err);

/* "NAME=VALUE" each. Caller frees *out with args_exts_free. */
KS_MUST_CHECK ks_rc args_exts(const struct opt_list *list, struct ca_ext **out,
                              struct ks_err *err);
void args_exts_free(struct ca_ext *exts, size_t count);

/* The request in the file PATH ("-": standard input), checked. */
KS_MUST_CHECK ks_rc args_csr(const struct ca_env *env, const char *path,
                             struct ca_csr **out, struct ks_err *err);

/* --out: NULL for standard output, whichever way it was said. */
const char *args_out(const char *out);
/* --format: pem by default. */
enum ca_format args_format(const char *format);

#endif
