/* store/sqlite/list.c: pages, searches, and writers meanwhile */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ks_uri.h"
#include "sqlite_rig.h"

#define MANY 1300 /* more than two pages */

struct heard {
    void *store;
    unsigned n, stop_at;
    bool sorted;
    char last[KS_KEY_NAME_MAX + 1];
    bool remove;
};

static ks_rc hear(void *arg, const char *name, struct ks_err *err)
{
    struct heard *heard = arg;

    heard->sorted = heard->sorted && strcmp(heard->last, name) < 0;
    (void)snprintf(heard->last, sizeof(heard->last), "%s", name);
    heard->n++;
    if (heard->remove)
        return ks_sqlite_backend.remove(heard->store, name, NULL, err);
    return heard->n == heard->stop_at ? KS_E_INTERRUPTED : KS_OK;
}

static void put_many(void *store, unsigned n)
{
    char name[32];

    CHECK_RC(rig_put(store, "0", "x"), KS_OK);
    for (unsigned i = 0; i + 1 < n; i++) {
        (void)snprintf(name, sizeof(name), "key %u", i);
        if (rig_put(store, name, name) != KS_OK)
            abort();
    }
}

static void all_names_are_told_once_in_order(void)
{
    struct heard heard = {.store = rig_open(), .sorted = true};
    struct ks_err err = {0};

    put_many(heard.store, MANY);
    CHECK_OK(ks_sqlite_backend.list(heard.store, hear, &heard, &err), &err);
    CHECK_INT(heard.n, MANY);
    CHECK(heard.sorted);
    heard = (struct heard){.store = heard.store, .stop_at = 700};
    CHECK_RC(ks_sqlite_backend.list(heard.store, hear, &heard, &err),
             KS_E_INTERRUPTED);
    CHECK_INT(heard.n, 700);
    heard =
        (struct heard){.store = heard.store, .remove = true, .sorted = true};
    CHECK_OK(ks_sqlite_backend.list(heard.store, hear, &heard, &err), &err);
    CHECK_INT(heard.n, MANY);
    CHECK_INT(rig_count(heard.store), 0);
    rig_close(heard.store);
}

static void a_full_page_is_not_the_end(void)
{
    void *store = rig_open();

    put_many(store, 64);
    CHECK_INT(rig_count(store), 64);
    CHECK_RC(rig_put(store, "z", "z"), KS_OK);
    CHECK_INT(rig_count(store), 65);
    rig_close(store);
}

/* Labels that no URI can name: passed over, and never in the way. */
static void labels_that_are_no_names_are_passed_over(void)
{
    struct ks_err err = {0};
    struct heard heard = {.store = rig_open(), .sorted = true};
    char sql[300];
    static const char *const labels[] = {
        "''", "char(7)||'bell'", "cast(x'ff41' AS TEXT)", "'a'||char(0)||'b'",
        "cast(x'ed' AS TEXT)"};

    CHECK_RC(rig_put(heard.store, "good", "a"), KS_OK);
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        CHECK_RC(rig_put(heard.store, "bad", "b"), KS_OK);
        (void)snprintf(sql, sizeof(sql),
                       "UPDATE key SET label=%s WHERE label='bad'", labels[i]);
        rig_sql(sql);
    }
    CHECK_OK(ks_sqlite_backend.list(heard.store, hear, &heard, &err), &err);
    CHECK_INT(heard.n, 1);
    CHECK_STR(heard.last, "good");
    rig_close(heard.store);
}

static void a_label_that_is_too_long_ends_no_page_in_a_loop(void)
{
    struct ks_err err = {0};
    struct heard heard = {.store = rig_open(), .sorted = true};

    put_many(heard.store, 63);
    CHECK_RC(rig_put(heard.store, "long", "a"), KS_OK);
    rig_sql("UPDATE key SET label='long'||hex(zeroblob(400))"
            " WHERE label='long'");
    CHECK_RC(ks_sqlite_backend.list(heard.store, hear, &heard, &err),
             KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "label is too long");
    rig_close(heard.store);
}

/* Whole pages of labels with a NUL, and of labels that are no text. */
static void bad_labels_lead_nobody_round_in_a_circle(void)
{
    static const char many[] =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n"
        " WHERE i<1200) INSERT INTO key(label, created, origin, spki, form,"
        " private, sum, spki_sha256, spki_sha1) SELECT 'a'||char(0)||i,"
        " created, origin, spki, form, private, sum, spki_sha256, spki_sha1"
        " FROM n, (SELECT * FROM key WHERE label='good')";
    struct ks_err err = {0};
    struct heard heard = {.store = rig_open(), .sorted = true};

    CHECK_RC(rig_put(heard.store, "good", "a"), KS_OK);
    rig_sql(many);
    CHECK_OK(ks_sqlite_backend.list(heard.store, hear, &heard, &err), &err);
    CHECK_INT(heard.n, 1);
    rig_close(heard.store);
}

static ks_rc find(struct heard *heard, const struct ks_query *query)
{
    struct ks_err err = {0};

    heard->n = 0;
    heard->sorted = true;
    heard->last[0] = '\0';
    return ks_sqlite_backend.find(heard->store, query, hear, heard, &err);
}

static ks_rc find_digest(struct heard *heard, const char *digest,
                         const char *md, const char *data)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    size_t len = 0;
    struct ks_query query = {.digest = digest, .fingerprint = bytes};

    CHECK(EVP_Q_digest(NULL, md, NULL, data, strlen(data), bytes, &len) == 1);
    query.fingerprint_len = len;
    return find(heard, &query);
}

static void a_fingerprint_finds_keys_and_certificates(void)
{
    static const char *const digests[] = {"SHA2-256", "SHA1"};
    struct heard heard = {.store = rig_open()};

    put_many(heard.store, 100);
    for (size_t i = 0; i < 2; i++) {
        CHECK_RC(find_digest(&heard, digests[i], digests[i], "spki of key 42"),
                 KS_OK);
        CHECK_INT(heard.n, 1);
        CHECK_STR(heard.last, "key 42");
        CHECK_RC(find_digest(&heard, digests[i], digests[i], "cert of key 17"),
                 KS_OK);
        CHECK_INT(heard.n, 1);
        CHECK_STR(heard.last, "key 17");
        CHECK_RC(find_digest(&heard, digests[i], digests[i], "half of key 1"),
                 KS_OK);
        CHECK_INT(heard.n, 0);
    }
    CHECK_RC(find_digest(&heard, "sha2-512", "SHA2-512", "x"),
             KS_E_UNSUPPORTED);
    CHECK_RC(find_digest(&heard, "SHA1", "SHA2-256", "x"), KS_E_UNSUPPORTED);
    CHECK_RC(find(&heard, &(struct ks_query){0}), KS_E_UNSUPPORTED);
    rig_close(heard.store);
}

static X509_NAME *name_of(const char *cn, int type)
{
    X509_NAME *name = X509_NAME_new();

    if (name == NULL ||
        X509_NAME_add_entry_by_txt(name, "CN", type, (const unsigned char *)cn,
                                   -1, -1, 0) != 1)
        abort();
    return name;
}

/* A certificate with that subject, for a key of its own. */
static struct ks_buf certificate(const char *cn)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = name_of(cn, MBSTRING_UTF8);
    struct ks_buf der = {0};
    unsigned char *data = NULL;
    int len;

    if (key == NULL || cert == NULL || X509_set_subject_name(cert, name) != 1 ||
        X509_set_pubkey(cert, key) != 1 ||
        X509_gmtime_adj(X509_getm_notBefore(cert), 0) == NULL ||
        X509_gmtime_adj(X509_getm_notAfter(cert), 1000) == NULL ||
        X509_sign(cert, key, EVP_sha256()) == 0)
        abort();
    len = i2d_X509(cert, &data);
    if (len <= 0 || ks_buf_set(&der, data, (size_t)len) != KS_OK)
        abort();
    OPENSSL_free(data);
    X509_NAME_free(name);
    X509_free(cert);
    EVP_PKEY_free(key);
    return der;
}

static void put_certified(void *store, const char *name)
{
    struct ks_record record = *rig_record(name);
    struct ks_err err = {0};

    record.info.cert = certificate(name);
    CHECK_OK(ks_sqlite_backend.put(store, name, &record, &err), &err);
    ks_buf_clear(&record.info.cert);
}

/* As RFC 5280 compares names: case, spaces and encoding do not matter. */
static void a_subject_finds_its_certificate(void)
{
    struct heard heard = {.store = rig_open()};
    X509_NAME *name = name_of("EXAMPLE  root", V_ASN1_PRINTABLESTRING);
    unsigned char *der = NULL;
    int len = i2d_X509_NAME(name, &der);
    struct ks_query query = {.subject = der, .subject_len = (size_t)len};

    put_many(heard.store, 10);
    put_certified(heard.store, "Example Root");
    put_certified(heard.store, "Example Root 2");
    CHECK_RC(find(&heard, &query), KS_OK);
    CHECK_INT(heard.n, 1);
    CHECK_STR(heard.last, "Example Root");
    query.subject_len -= 1;
    CHECK_RC(find(&heard, &query), KS_E_INVALID);
    OPENSSL_free(der);
    X509_NAME_free(name);
    rig_close(heard.store);
}

/* What SQLite would do, not how long it took. */
static void no_search_walks_through_all_rows(void)
{
    static const char *const wheres[] = {
        "label=?1",
        "(spki_sha256=?3 OR cert_sha256=?3) AND +label>?1 ORDER BY +label",
        "(spki_sha1=?3 OR cert_sha1=?3) AND +label>?1 ORDER BY +label",
        "subject_hash=?3 AND +label>?1 ORDER BY +label"};
    void *store = rig_open();
    char sql[400];

    put_many(store, 20);
    for (size_t i = 0; i < sizeof(wheres) / sizeof(wheres[0]); i++) {
        (void)snprintf(sql, sizeof(sql), "SELECT label FROM key WHERE %s",
                       wheres[i]);
        CHECK(!rig_scans(sql));
    }
    CHECK(rig_scans("SELECT label FROM key WHERE origin='x'"));
    rig_close(store);
}

static const struct test_case cases[] = {
    TEST_CASE(all_names_are_told_once_in_order),
    TEST_CASE(a_full_page_is_not_the_end),
    TEST_CASE(labels_that_are_no_names_are_passed_over),
    TEST_CASE(a_label_that_is_too_long_ends_no_page_in_a_loop),
    TEST_CASE(bad_labels_lead_nobody_round_in_a_circle),
    TEST_CASE(a_fingerprint_finds_keys_and_certificates),
    TEST_CASE(a_subject_finds_its_certificate),
    TEST_CASE(no_search_walks_through_all_rows),
};
TEST_MAIN("store.sqlite_list", cases)
