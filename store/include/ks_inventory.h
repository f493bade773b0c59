/*
 * The inventory: CAs, certificates and how far each got, revocations, key
 * intents, secrets of keys that load unattended, and the hash-chained audit
 * log, in one SQLite database. It stores and finds; what may be issued is
 * decided in cli/ca.
 *
 * Processes: any number may work on one inventory at once. Threads: a
 * handle is used by one thread at a time.
 *
 * Every function that writes does so in the caller's transaction if there is
 * one (ks_inventory_begin), else in one of its own; so N rows cost one commit
 * when the caller wants it (group commit). If one fails inside the caller's
 * transaction, roll that back, except after KS_E_EXISTS, which changes
 * nothing. Callbacks of listings may read, but not write.
 *
 * Results common to all: KS_E_BUSY (locked for longer than the timeout),
 * KS_E_FULL, KS_E_DENIED, KS_E_IO (I/O error, or the file is corrupt or no
 * inventory), KS_E_NOMEM. KS_E_NOT_FOUND is an answer and may have no text.
 */
#ifndef KS_INVENTORY_H
#define KS_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "ks_buf.h"
#include "ks_err.h"

#define KS_SERIAL_MAX 20                      /* octets, RFC 5280, 4.1.2.2 */
#define KS_SERIAL_HEX (2 * KS_SERIAL_MAX + 1) /* digits and NUL */
#define KS_SERIAL_PREFIX_MIN 6                /* hex digits of a prefix */
#define KS_INVENTORY_SCHEMA 2                 /* user_version */
#define KS_HASH_LEN 32                        /* SHA-256 */
#define KS_CA_NAME_MAX 64

struct ks_inventory;

/* --- life ------------------------------------------------------------- */

enum ks_inventory_mode {
    KS_INVENTORY_READ,   /* never writes; still sees others' commits */
    KS_INVENTORY_WRITE,  /* must exist; older schemas are migrated */
    KS_INVENTORY_CREATE, /* made if absent (mode 0600) */
};

/*
 * KS_E_NOT_FOUND (with text and hint) if there is no such file, KS_E_CONFIG
 * if its schema is newer than this program, else the common results.
 */
KS_MUST_CHECK ks_rc ks_inventory_open(const char *path,
                                      enum ks_inventory_mode mode,
                                      struct ks_inventory **out,
                                      struct ks_err *err);
void ks_inventory_close(struct ks_inventory *inv); /* rolls back; NULL ok */

/* How long to wait for another process' transaction; 20 s by default. */
void ks_inventory_set_timeout(struct ks_inventory *inv, unsigned millis);

/* One write transaction; they do not nest (KS_E_INTERNAL). */
KS_MUST_CHECK ks_rc ks_inventory_begin(struct ks_inventory *inv,
                                       struct ks_err *err);
KS_MUST_CHECK ks_rc ks_inventory_commit(struct ks_inventory *inv,
                                        struct ks_err *err);
void ks_inventory_rollback(struct ks_inventory *inv); /* harmless if none */

/* Borrowed from INV. */
const char *ks_inventory_path(const struct ks_inventory *inv);

/* SQLite's own check of the whole file: for doctor. KS_E_IO names the first
 * fault. */
KS_MUST_CHECK ks_rc ks_inventory_check(struct ks_inventory *inv,
                                       struct ks_err *err);

/* --- CAs -------------------------------------------------------------- */

enum ks_ca_state {
    KS_CA_MAKING = 1, /* being created: not listed, cannot issue */
    KS_CA_ACTIVE = 2,
    KS_CA_RETIRED = 3, /* issues no more; its CRLs go on */
};
const char *ks_ca_state_text(enum ks_ca_state state); /* "active" ... */

struct ks_ca_row {
    int64_t id;
    char *name;
    char *key_uri;     /* canonical, never with a pin-value */
    int64_t parent;    /* its issuer's id; 0 for a self-signed root */
    char *parent_name; /* NULL for a root */
    enum ks_ca_state state;
    time_t created;
    int64_t cert_id;    /* its certificate's row; 0 while being made */
    struct ks_buf cert; /* DER; { 0 } while being made */
    /* Put into what it issues; NULL: nothing. */
    char *crl_url;
    char *ocsp_url;
    char *issuer_url;
    bool revoked; /* its certificate has been revoked */
    time_t revoked_at;
};
void ks_ca_row_clear(struct ks_ca_row *row);

/* Adds a CA in state KS_CA_MAKING; of ROW only name, key_uri, parent and the
 * URLs are read. KS_E_EXISTS if the name is taken; KS_E_INVALID if it cannot
 * be a name (1..64 of letters, digits, "-", "_", "."; first is no "-" or
 * "."). */
KS_MUST_CHECK ks_rc ks_ca_add(struct ks_inventory *inv,
                              const struct ks_ca_row *row, int64_t *id,
                              struct ks_err *err);
/* The certificate CERT_ID (issued) is now the CA's; SPKI_HASH is that of its
 * public key. Making -> active. */
KS_MUST_CHECK ks_rc ks_ca_activate(struct ks_inventory *inv, int64_t id,
                                   int64_t cert_id,
                                   const uint8_t spki_hash[KS_HASH_LEN],
                                   struct ks_err *err);
/* Removes a CA that is KS_CA_MAKING, and the rows of its own certificate. */
KS_MUST_CHECK ks_rc ks_ca_undo(struct ks_inventory *inv, int64_t id,
                               struct ks_err *err);
KS_MUST_CHECK ks_rc ks_ca_set_state(struct ks_inventory *inv, int64_t id,
                                    enum ks_ca_state state, struct ks_err *err);

/* Active and retired CAs only, except ks_ca_get, which finds all. Caller
 * clears *row. KS_E_NOT_FOUND: with a text that names what is there. */
KS_MUST_CHECK ks_rc ks_ca_find(struct ks_inventory *inv, const char *name,
                               struct ks_ca_row *row, struct ks_err *err);
KS_MUST_CHECK ks_rc ks_ca_get(struct ks_inventory *inv, int64_t id,
                              struct ks_ca_row *row, struct ks_err *err);
/* *name (caller frees with OPENSSL_free) is a CA that has the public key,
 * or whose key is URI. KS_E_NOT_FOUND, without a text, if there is none. */
KS_MUST_CHECK ks_rc ks_ca_of_key(struct ks_inventory *inv,
                                 const uint8_t spki_hash[KS_HASH_LEN],
                                 char **name, struct ks_err *err);
KS_MUST_CHECK ks_rc ks_ca_of_key_uri(struct ks_inventory *inv, const char *uri,
                                     char **name, struct ks_err *err);

/* ROW is borrowed for the call. A result other than KS_OK stops, and is the
 * result. Parents come before their children. */
typedef ks_rc ks_ca_fn(void *arg, const struct ks_ca_row *row,
                       struct ks_err *err);
KS_MUST_CHECK ks_rc ks_ca_each(struct ks_inventory *inv, ks_ca_fn *each,
                               void *arg, struct ks_err *err);

/* --- certificates: a write-ahead state machine ------------------------- */

enum ks_cert_state {
    KS_CERT_RESERVED = 1,  /* its serial is taken, nothing is signed */
    KS_CERT_TBS = 2,       /* the bytes to be signed are stored */
    KS_CERT_ISSUED = 3,    /* the certificate is stored */
    KS_CERT_ABANDONED = 4, /* will never be finished: counts as revoked */
};
const char *ks_cert_state_text(enum ks_cert_state state);

enum ks_name_kind {
    KS_NAME_CN = 1,
    KS_NAME_DNS = 2,
    KS_NAME_IP = 3,
    KS_NAME_EMAIL = 4,
    KS_NAME_URI = 5,
    KS_NAME_OTHER = 6,
};

/* A name that a certificate can be found by. Borrowed. */
struct ks_cert_name {
    enum ks_name_kind kind;
    const char *value;
};

struct ks_cert_row {
    int64_t id;
    int64_t ca; /* the issuer */
    char *ca_name;
    char serial[KS_SERIAL_HEX]; /* lower case, two digits an octet */
    enum ks_cert_state state;
    char *profile;
    char *subject; /* RFC 4514-like, certificate order; NULL if reserved */
    time_t not_before;
    time_t not_after; /* 0 if reserved */
    time_t reserved;
    time_t issued;      /* 0 until then */
    char *key_uri;      /* of the key made for it; NULL: not ours */
    int64_t subject_ca; /* the CA whose certificate this is; 0: none */
    bool revoked;       /* revoked or abandoned */
    time_t revoked_at;
    int reason; /* CRLReason, RFC 5280, 5.3.1; -1 unless revoked */
    uint8_t profile_hash[KS_HASH_LEN];
    struct ks_buf tbs; /* to be signed; only in state tbs */
    struct ks_buf der; /* the certificate; only in state issued */
};
void ks_cert_row_clear(struct ks_cert_row *row);

/* What a serial is reserved for. Borrowed. */
struct ks_cert_reserve {
    int64_t ca;
    const uint8_t *serial; /* big endian, no leading zero octet */
    size_t serial_len;     /* 1..KS_SERIAL_MAX */
    const char *profile;
    const uint8_t *profile_hash; /* KS_HASH_LEN: of the profile as it was */
    const uint8_t *request_hash; /* KS_HASH_LEN: of the CSR; NULL: none */
    const char *key_uri;         /* NULL: not ours */
    int64_t subject_ca;          /* 0: an end entity */
};

/* KS_E_EXISTS if any CA of this inventory has used the serial. */
KS_MUST_CHECK ks_rc ks_cert_reserve(struct ks_inventory *inv,
                                    const struct ks_cert_reserve *reserve,
                                    int64_t *id, struct ks_err *err);

struct ks_cert_tbs {
    const uint8_t *tbs;
    size_t tbs_len;
    const char *subject;
    time_t not_before;
    time_t not_after;
    const uint8_t *spki_hash; /* KS_HASH_LEN */
    const struct ks_cert_name *names;
    size_t n_names;
};

/* reserved -> tbs. KS_E_POLICY if another process has abandoned the row. */
KS_MUST_CHECK ks_rc ks_cert_put_tbs(struct ks_inventory *inv, int64_t id,
                                    const struct ks_cert_tbs *tbs,
                                    struct ks_err *err);
/* tbs -> issued. KS_E_POLICY as above. */
KS_MUST_CHECK ks_rc ks_cert_finish(struct ks_inventory *inv, int64_t id,
                                   const uint8_t *der, size_t der_len,
                                   struct ks_err *err);
/* reserved or tbs -> abandoned; harmless if it is abandoned already. */
KS_MUST_CHECK ks_rc ks_cert_abandon(struct ks_inventory *inv, int64_t id,
                                    struct ks_err *err);

KS_MUST_CHECK ks_rc ks_cert_get(struct ks_inventory *inv, int64_t id,
                                struct ks_cert_row *row, struct ks_err *err);

/*
 * The one certificate whose serial is, or starts with, HEX (colons and case
 * do not matter). KS_E_INVALID if HEX is no hex, or shorter than
 * KS_SERIAL_PREFIX_MIN digits and not a whole serial, or fits several: the
 * text lists them. KS_E_NOT_FOUND with a text. CA 0: of any.
 */
KS_MUST_CHECK ks_rc ks_cert_find(struct ks_inventory *inv, int64_t ca,
                                 const char *hex, struct ks_cert_row *row,
                                 struct ks_err *err);

/* Zero fields do not restrict. */
struct ks_cert_query {
    int64_t ca;
    const char *name; /* a CN or SAN, whole, any case; ".example.com" or
                         "*.example.com": that name and all below it */
    time_t valid_at;  /* issued, not revoked, and in its time then */
    time_t expires_before;
    bool revoked;         /* only revoked ones */
    bool with_unfinished; /* reserved, tbs and abandoned ones too */
    int64_t below_id;     /* for paging: ids below this */
    size_t limit;
};

/* Newest first. ROW is borrowed for the call; its tbs and der are filled.
 * A result other than KS_OK stops, and is the result. */
typedef ks_rc ks_cert_fn(void *arg, const struct ks_cert_row *row,
                         struct ks_err *err);
KS_MUST_CHECK ks_rc ks_cert_each(struct ks_inventory *inv,
                                 const struct ks_cert_query *query,
                                 ks_cert_fn *each, void *arg,
                                 struct ks_err *err);

/* True in *compromised if a certificate with this public key was revoked for
 * keyCompromise. */
KS_MUST_CHECK ks_rc ks_cert_key_compromised(
    struct ks_inventory *inv, const uint8_t spki_hash[KS_HASH_LEN],
    bool *compromised, struct ks_err *err);

/* --- what a dead process left ----------------------------------------- */

/* Rows in state reserved or tbs whose process is gone, oldest first, at most
 * LIMIT. Those of living processes are never given. */
KS_MUST_CHECK ks_rc ks_cert_each_dead(struct ks_inventory *inv, size_t limit,
                                      ks_cert_fn *each, void *arg,
                                      struct ks_err *err);
/* CAs in state making whose process is gone. */
KS_MUST_CHECK ks_rc ks_ca_each_dead(struct ks_inventory *inv, ks_ca_fn *each,
                                    void *arg, struct ks_err *err);

/* Takes such a row over, so that one process alone settles it. False in
 * *claimed if its owner lives, or it is settled already. */
KS_MUST_CHECK ks_rc ks_cert_claim(struct ks_inventory *inv, int64_t id,
                                  bool *claimed, struct ks_err *err);
KS_MUST_CHECK ks_rc ks_ca_claim(struct ks_inventory *inv, int64_t id,
                                bool *claimed, struct ks_err *err);

/*
 * What is about to be done with a key: recorded before, so that nothing made
 * can be forgotten, and nothing moved is there twice or not at all.
 */
enum ks_intent_act {
    /* KEY_URI is being made. Planned -> made (with the hash of its public key)
     * -> removed in the transaction that registers the key's use. */
    KS_INTENT_MAKE = 1,
    /* KEY_URI is being made as a copy of OTHER_URI, which is to be moved
     * there -> KS_INTENT_DROP in the transaction that registers the move. */
    KS_INTENT_COPY = 2,
    /* KEY_URI was moved to OTHER_URI: it is to be removed. */
    KS_INTENT_DROP = 3,
};

struct ks_intent {
    int64_t id;
    enum ks_intent_act act;
    char *key_uri;
    char *other_uri; /* NULL: KS_INTENT_MAKE */
    bool made;
    uint8_t spki_hash[KS_HASH_LEN]; /* once made; of a move always */
};
void ks_intent_clear(struct ks_intent *intent);

/* Plans a key that does not exist yet. KS_E_EXISTS if a living process plans
 * the same; a dead one's plan is replaced. */
KS_MUST_CHECK ks_rc ks_intent_add(struct ks_inventory *inv, const char *key_uri,
                                  int64_t *id, struct ks_err *err);
/* Takes over a dead process' plan for a key that exists. KS_E_NOT_FOUND if
 * there is none; KS_E_EXISTS as above. */
KS_MUST_CHECK ks_rc ks_intent_take(struct ks_inventory *inv,
                                   const char *key_uri, int64_t *id,
                                   struct ks_err *err);
KS_MUST_CHECK ks_rc ks_intent_made(struct ks_inventory *inv, int64_t id,
                                   const uint8_t spki_hash[KS_HASH_LEN],
                                   struct ks_err *err);
KS_MUST_CHECK ks_rc ks_intent_remove(struct ks_inventory *inv, int64_t id,
                                     struct ks_err *err);

/* A move. Borrowed. */
struct ks_key_move {
    const char *from;
    const char *to;
    uint8_t spki_hash[KS_HASH_LEN];
};
/* Plans MOVE, whose TO does not exist yet. KS_E_EXISTS if a living process
 * makes or moves one of the two; dead ones' plans are replaced. */
KS_MUST_CHECK ks_rc ks_intent_copy(struct ks_inventory *inv,
                                   const struct ks_key_move *move, int64_t *id,
                                   struct ks_err *err);
/* Takes over a dead process' plan of just this move. KS_E_NOT_FOUND,
 * KS_E_EXISTS. */
KS_MUST_CHECK ks_rc ks_intent_take_copy(struct ks_inventory *inv,
                                        const struct ks_key_move *move,
                                        int64_t *id, struct ks_err *err);
/* The plan ID of MOVE has come to KS_INTENT_DROP. */
KS_MUST_CHECK ks_rc ks_intent_drop(struct ks_inventory *inv, int64_t id,
                                   const struct ks_key_move *move,
                                   struct ks_err *err);
/* Whatever is recorded as having its key at FROM, with or without a query, has
 * it at TO. *n_cas and *n_certs count them. */
KS_MUST_CHECK ks_rc ks_key_moved(struct ks_inventory *inv, const char *from,
                                 const char *to, int64_t *n_cas,
                                 int64_t *n_certs, struct ks_err *err);

typedef ks_rc ks_intent_fn(void *arg, const struct ks_intent *intent,
                           struct ks_err *err);
KS_MUST_CHECK ks_rc ks_intent_each_dead(struct ks_inventory *inv,
                                        ks_intent_fn *each, void *arg,
                                        struct ks_err *err);
/* As ks_cert_claim; the handle may ks_intent_take it all the same. */
KS_MUST_CHECK ks_rc ks_intent_claim(struct ks_inventory *inv,
                                    const struct ks_intent *intent,
                                    bool *claimed, struct ks_err *err);

/* --- random secrets ---------------------------------------------------- */

/*
 * What opens keys that must load with nobody there: drawn by us, kept under
 * the key's canonical URI, in the alphabet of base64url (RFC 4648, 5), so that
 * it can be a passphrase anywhere. A key has several while it is sealed anew:
 * the new one is written before, the older ones are removed after, so that one
 * of them fits whatever happens in between.
 */
#define KS_RANDOM_LEN 43 /* characters, of 32 octets */

/* Keeps SECRET; *id is greater than that of any before. */
KS_MUST_CHECK ks_rc ks_random_add(struct ks_inventory *inv, const char *key_uri,
                                  const struct ks_secret *secret, int64_t *id,
                                  struct ks_err *err);
/* The newest one before *id (0: of all), which becomes its number. Caller
 * clears *secret. KS_E_NOT_FOUND, without a text: there is none. */
KS_MUST_CHECK ks_rc ks_random_before(struct ks_inventory *inv,
                                     const char *key_uri, int64_t *id,
                                     struct ks_secret *secret,
                                     struct ks_err *err);
/* ID, which ks_random_add gave for SECRET, is in use now: it is written again
 * if somebody has removed it, and older ones go. */
KS_MUST_CHECK ks_rc ks_random_settle(struct ks_inventory *inv,
                                     const char *key_uri, int64_t id,
                                     const struct ks_secret *secret,
                                     struct ks_err *err);
/* Removes those from FIRST to LAST; none is no error. */
KS_MUST_CHECK ks_rc ks_random_remove(struct ks_inventory *inv,
                                     const char *key_uri, int64_t first,
                                     int64_t last, struct ks_err *err);

/* How many the key has. */
KS_MUST_CHECK ks_rc ks_random_count(struct ks_inventory *inv,
                                    const char *key_uri, int64_t *count,
                                    struct ks_err *err);
/* Whose they are and how many, a key a call, by URI. */
typedef ks_rc ks_random_fn(void *arg, const char *key_uri, int64_t count,
                           struct ks_err *err);
KS_MUST_CHECK ks_rc ks_random_each(struct ks_inventory *inv, ks_random_fn *each,
                                   void *arg, struct ks_err *err);

/* --- audit log --------------------------------------------------------- */

/* One act. Rows are chained: hash = SHA-256(previous hash and all fields). */
struct ks_audit_row {
    int64_t seq; /* 1, 2, 3 ... without a gap */
    time_t time;
    const char *actor;  /* "uid 1000 (alice)" */
    const char *act;    /* "cert.issue", "ca.create", "key.create", ... */
    const char *object; /* what: a CA's name, a serial, a key URI */
    uint8_t digest[KS_HASH_LEN]; /* SHA-256 of the object's bytes; or zero */
    uint8_t prev[KS_HASH_LEN];   /* the hash of the row before; or zero */
    uint8_t hash[KS_HASH_LEN];
};

/* TIME 0: now. DIGEST NULL: zero. */
KS_MUST_CHECK ks_rc ks_audit_add(struct ks_inventory *inv, time_t when,
                                 const char *actor, const char *act,
                                 const char *object,
                                 const uint8_t digest[KS_HASH_LEN],
                                 struct ks_err *err);
/* Time of the newest row; 0 if there is none. */
KS_MUST_CHECK ks_rc ks_audit_last_time(struct ks_inventory *inv, time_t *when,
                                       struct ks_err *err);
typedef ks_rc ks_audit_fn(void *arg, const struct ks_audit_row *row,
                          struct ks_err *err);
/* From FROM_SEQ on, in order. */
KS_MUST_CHECK ks_rc ks_audit_each(struct ks_inventory *inv, int64_t from_seq,
                                  ks_audit_fn *each, void *arg,
                                  struct ks_err *err);
/* Recomputes the chain. KS_E_VERIFY names the first row that is edited,
 * missing or out of order. *rows counts those that hold. */
KS_MUST_CHECK ks_rc ks_audit_verify(struct ks_inventory *inv, int64_t *rows,
                                    struct ks_err *err);

#endif
