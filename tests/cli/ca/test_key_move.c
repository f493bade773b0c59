/*
 * Keys that move, and what the next start makes of a move that a dead process
 * had begun: the key is in one place then, and it is the same key.
 */
#include "key.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>
#include <openssl/provider.h>

#include "fixture.h"
#include "tmpdir.h"

#define FROM "keystore://default/k"
#define TO "keystore://other/k"

static OSSL_PROVIDER *providers[2];
static const char *plan_to = TO; /* of leave_plan */

/* The provider in a library context of its own, as caadm.conf here says. */
static void provider_open(struct fixture *f)
{
    static const char text[] = "[caadm]\ndatabase = caadm.db\n"
                               "[backend default]\ntype = file\npath = keys\n"
                               "passphrase = file:pw.txt\n"
                               "kdf = scrypt:1024:8:1\n"
                               "[backend other]\ntype = file\npath = other\n"
                               "passphrase = file:pw2.txt\n"
                               "kdf = scrypt:1024:8:1\n"
                               "[backend stay]\ntype = file\npath = keys\n"
                               "passphrase = file:pw.txt\n"
                               "extractable = no\n"
                               "[backend sealed]\ntype = file\npath = sealed\n"
                               "seal_to = keystore://default/kek\n";

    test_write("caadm.conf", text, sizeof(text) - 1, 0600);
    test_write("pw.txt", "secret\n", 7, 0600);
    test_write("pw2.txt", "another\n", 8, 0600);
    (void)setenv("CAADM_CONFIG", test_path("caadm.conf"), 1);
    fixture_open(f);
    fixture_config(f, text);
    f->env.libctx = OSSL_LIB_CTX_new();
    CHECK(OSSL_PROVIDER_set_default_search_path(f->env.libctx, MODULES_DIR) ==
          1);
    providers[0] = OSSL_PROVIDER_load(f->env.libctx, "default");
    providers[1] = OSSL_PROVIDER_load(f->env.libctx, "keystore");
    REQUIRE(providers[0] != NULL && providers[1] != NULL);
}

static void provider_close(struct fixture *f)
{
    OSSL_LIB_CTX *ctx = f->env.libctx;

    fixture_close(f);
    for (size_t i = 0; i < 2; i++)
        CHECK(OSSL_PROVIDER_unload(providers[i]) == 1);
    OSSL_LIB_CTX_free(ctx);
}

static void make(struct fixture *f, const char *uri)
{
    struct ca_key_spec spec = {.uri = uri, .type = "ed25519"};

    CHECK_OK(ca_key_create(&f->env, &spec, NULL, &f->err), &f->err);
}

/* Keeps the key FROM at URI as well. */
static void copy_to(struct fixture *f, const char *from, const char *uri)
{
    struct ca_key_spec spec = {.uri = uri};
    EVP_PKEY *pkey = NULL;

    CHECK_OK(ca_key_take_out(&f->env, from, &pkey, &f->err), &f->err);
    CHECK_OK(ca_key_put(&f->env, pkey, &spec, NULL, &f->err), &f->err);
    EVP_PKEY_free(pkey);
}

static bool is_there(struct fixture *f, const char *uri)
{
    struct ks_err err = {0};
    EVP_PKEY *pkey = NULL;
    ks_rc rc = ca_key_load(&f->env, uri, &pkey, &err);

    CHECK(rc == KS_OK || rc == KS_E_NOT_FOUND);
    EVP_PKEY_free(pkey);
    return rc == KS_OK;
}

static ks_rc move(struct fixture *f, const char *from, const char *to,
                  bool force, struct ca_moved *moved)
{
    struct ca_move_spec spec = {
        .from = from, .to = {.uri = to}, .force = force};

    memset(&f->err, 0, sizeof(f->err));
    return ca_key_move(&f->env, &spec, moved, &f->err);
}

static ks_rc count(void *arg, const struct ks_intent *intent,
                   struct ks_err *err)
{
    (void)intent;
    (void)err;
    ++*(int *)arg;
    return KS_OK;
}

/* Plans that another process would find after this one's death. */
static int plans_left(struct fixture *f)
{
    struct fixture other;
    int n = 0;

    (void)f;
    fixture_open_again(&other);
    CHECK_OK(ks_intent_each_dead(other.env.inv, count, &n, &other.err),
             &other.err);
    fixture_close(&other);
    return n;
}

/* Leaves the plan of moving FROM to TO, as far as DROP, by a process that is
 * dead then. HASH_OF NULL: of a key that is nowhere. */
static void leave_plan(struct fixture *f, const char *hash_of, bool drop)
{
    struct ks_key_move plan = {.from = FROM, .to = plan_to};
    struct fixture dead;
    EVP_PKEY *pkey = NULL;
    int64_t id = 0;

    if (hash_of != NULL) {
        CHECK_OK(ca_key_load_public(&f->env, hash_of, &pkey, &f->err), &f->err);
        CHECK_OK(ca_key_hash(pkey, plan.spki_hash, &f->err), &f->err);
        EVP_PKEY_free(pkey);
    }
    fixture_open_again(&dead);
    CHECK_OK(ks_intent_copy(dead.env.inv, &plan, &id, &dead.err), &dead.err);
    if (drop)
        CHECK_OK(ks_intent_drop(dead.env.inv, id, &plan, &dead.err), &dead.err);
    fixture_close(&dead);
}

/* What the next start says, in one text; it borrows until the next call. */
static const char *settle(struct fixture *f)
{
    static char said[1000];
    struct ca_settled settled = {0};

    said[0] = '\0';
    CHECK_OK(ca_settle(&f->env, &settled, &f->err), &f->err);
    for (size_t i = 0; i < settled.notes.n; i++)
        (void)strncat(said, settled.notes.items[i],
                      sizeof(said) - strlen(said) - 1);
    ca_settled_clear(&settled);
    return said;
}

static void a_cas_key_moves_and_the_ca_goes_on(void)
{
    struct fixture f;
    struct ca_key_spec key = {.uri = FROM};
    struct ca_create_spec spec = {.name = "root",
                                  .subject = "CN=Root",
                                  .new_key = &key,
                                  .path_length = -1};
    struct ca_issued created = {0}, issued = {0};
    struct ca_moved moved = {0};

    provider_open(&f);
    CHECK_OK(ca_create(&f.env, &spec, &created, &f.err), &f.err);
    ca_issued_clear(&created);
    CHECK_OK(move(&f, FROM, TO, false, &moved), &f.err);
    CHECK_STR(moved.from, FROM);
    CHECK_STR(moved.to, TO);
    CHECK_INT(moved.n_cas, 1);
    ca_moved_clear(&moved);
    CHECK(!is_there(&f, FROM));
    CHECK_OK(fixture_issue_san(&f, "root", "a.example", &issued), &f.err);
    ca_issued_clear(&issued);
    CHECK_INT(plans_left(&f), 0);
    CHECK_RC(ca_key_delete(&f.env, TO, false, &f.err), KS_E_POLICY);
    provider_close(&f);
}

static void what_cannot_be_moved_stays(void)
{
    static const struct {
        const char *from, *to;
        ks_rc rc;
    } rows[] = {
        {FROM, FROM, KS_E_INVALID},
        {FROM, "keystore:///k", KS_E_INVALID},
        {FROM, "keystore://default/taken", KS_E_EXISTS},
        {FROM, "keystore://stay/k", KS_E_EXISTS}, /* by another name */
        {FROM, "keystore://nowhere/k", KS_E_NOT_FOUND},
        {"keystore://other/nothing", TO, KS_E_NOT_FOUND},
        {"keystore://stay/k", TO, KS_E_NOT_EXPORTABLE},
        {"keystore://default/kek", "keystore://other/kek", KS_E_POLICY},
        {"keystore://default/kek", "keystore://sealed/kek", KS_E_POLICY},
    };
    struct ca_key_spec kek = {.uri = "keystore://default/kek",
                              .type = "rsa:2048"};
    struct ca_moved moved = {0};
    struct fixture f;

    provider_open(&f);
    make(&f, FROM);
    make(&f, "keystore://default/taken");
    CHECK_OK(ca_key_create(&f.env, &kek, NULL, &f.err), &f.err);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_RC(move(&f, rows[i].from, rows[i].to, false, &moved), rows[i].rc);
        CHECK(f.err.text[0] != '\0');
        ca_moved_clear(&moved);
        CHECK(is_there(&f, FROM));
        CHECK(!is_there(&f, TO));
    }
    CHECK_INT(plans_left(&f), 0);
    CHECK_RC(move(&f, rows[8].from, rows[8].to, true, &moved), KS_E_POLICY);
    ca_moved_clear(&moved);
    CHECK_OK(move(&f, rows[7].from, rows[7].to, true, &moved), &f.err);
    ca_moved_clear(&moved);
    provider_close(&f);
}

static void a_copy_that_was_not_registered_goes(void)
{
    struct fixture f;

    provider_open(&f);
    make(&f, FROM);
    leave_plan(&f, FROM, false);
    CHECK_STR(settle(&f), ""); /* it was not made */
    CHECK(is_there(&f, FROM));
    CHECK_INT(plans_left(&f), 0);
    leave_plan(&f, FROM, false);
    copy_to(&f, FROM, TO);
    CHECK_CONTAINS(settle(&f), "copied it from " FROM);
    CHECK(is_there(&f, FROM));
    CHECK(!is_there(&f, TO));
    CHECK_INT(plans_left(&f), 0);
    provider_close(&f);
}

static void a_key_that_was_moved_goes_where_it_was(void)
{
    struct fixture f;

    provider_open(&f);
    make(&f, FROM);
    copy_to(&f, FROM, TO);
    leave_plan(&f, FROM, true);
    CHECK_CONTAINS(settle(&f), "moved it to " TO);
    CHECK(!is_there(&f, FROM));
    CHECK(is_there(&f, TO));
    CHECK_INT(plans_left(&f), 0);
    CHECK_STR(settle(&f), "");
    provider_close(&f);
}

/* Whatever else has happened since, the last one is not removed. */
static void the_only_one_that_is_left_stays(void)
{
    struct fixture f;

    provider_open(&f);
    make(&f, FROM);
    leave_plan(&f, FROM, true);
    CHECK_CONTAINS(settle(&f), "kept");
    CHECK(is_there(&f, FROM));
    CHECK_INT(plans_left(&f), 0);

    copy_to(&f, FROM, TO);
    leave_plan(&f, FROM, false);
    CHECK_OK(ca_key_delete(&f.env, FROM, true, &f.err), &f.err);
    CHECK_CONTAINS(settle(&f), "kept");
    CHECK(is_there(&f, TO));
    CHECK_INT(plans_left(&f), 0);
    provider_close(&f);
}

static void another_key_of_the_name_is_nobodys_to_remove(void)
{
    struct fixture f;

    provider_open(&f);
    make(&f, FROM);
    make(&f, TO);
    leave_plan(&f, FROM, false);
    CHECK_STR(settle(&f), "");
    leave_plan(&f, TO, true);
    CHECK_STR(settle(&f), "");
    leave_plan(&f, NULL, true);
    CHECK_STR(settle(&f), "");
    CHECK(is_there(&f, FROM));
    CHECK(is_there(&f, TO));
    CHECK_INT(plans_left(&f), 0);
    provider_close(&f);
}

static void where_nothing_can_be_seen_both_stay(void)
{
    struct fixture f;

    provider_open(&f);
    make(&f, FROM);
    copy_to(&f, FROM, TO);
    leave_plan(&f, FROM, true);
    CHECK(chmod(test_path("other"), 0777) == 0); /* is refused then */
    CHECK_CONTAINS(settle(&f), "both stay");
    CHECK(is_there(&f, FROM));
    CHECK(chmod(test_path("other"), 0700) == 0);
    CHECK(is_there(&f, TO));
    ks_inventory_close(f.env.inv); /* it had taken the plan up */
    f.env.inv = NULL;
    CHECK_INT(plans_left(&f), 1);
    provider_close(&f);
}

/* caadm.conf has changed since: both URIs lead to one key. */
static void one_key_of_two_names_stays(void)
{
    struct fixture f;

    provider_open(&f);
    make(&f, FROM);
    plan_to = "keystore://stay/k";
    for (int drop = 0; drop < 2; drop++) {
        leave_plan(&f, FROM, drop != 0);
        CHECK_CONTAINS(settle(&f), "the same one");
        CHECK(is_there(&f, FROM));
    }
    plan_to = TO;
    CHECK_INT(plans_left(&f), 0);
    provider_close(&f);
}

static void what_a_dead_process_copied_is_not_forgotten(void)
{
    struct ca_moved moved = {0};
    struct ca_move_spec spec = {.from = FROM,
                                .to = {.uri = TO, .passout = "file:/nothing"}};
    struct fixture f;

    provider_open(&f);
    make(&f, FROM);
    copy_to(&f, FROM, TO);
    leave_plan(&f, FROM, false);
    CHECK(ca_key_move(&f.env, &spec, &moved, &f.err) != KS_OK);
    ca_moved_clear(&moved);
    CHECK(is_there(&f, FROM));
    CHECK(is_there(&f, TO));
    ks_inventory_close(f.env.inv); /* it had taken the plan up */
    f.env.inv = NULL;
    CHECK_INT(plans_left(&f), 1);
    provider_close(&f);
}

static void the_same_command_takes_a_move_up(void)
{
    struct ca_moved moved = {0};
    struct fixture f;

    provider_open(&f);
    make(&f, FROM);
    copy_to(&f, FROM, TO);
    leave_plan(&f, FROM, false);
    CHECK_OK(move(&f, FROM, TO, false, &moved), &f.err);
    ca_moved_clear(&moved);
    CHECK(!is_there(&f, FROM));
    CHECK(is_there(&f, TO));
    CHECK_INT(plans_left(&f), 0);
    provider_close(&f);
}

/* A dead process had begun this very move, and now there is another key where
 * its copy was to be. */
static void another_key_is_never_taken_for_the_copy(void)
{
    struct ca_moved moved = {0};
    struct fixture f;

    provider_open(&f);
    make(&f, FROM);
    make(&f, TO);
    leave_plan(&f, FROM, false);
    CHECK_RC(move(&f, FROM, TO, false, &moved), KS_E_EXISTS);
    ca_moved_clear(&moved);
    CHECK(is_there(&f, FROM));
    CHECK(is_there(&f, TO));
    provider_close(&f);
}

static void an_import_that_was_not_recorded_goes(void)
{
    struct ca_key_spec spec = {.uri = TO};
    struct fixture f, dead;
    EVP_PKEY *pkey = NULL;
    uint8_t hash[KS_HASH_LEN];
    int64_t id = 0;

    provider_open(&f);
    make(&f, FROM);
    CHECK_OK(ca_key_load(&f.env, FROM, &pkey, &f.err), &f.err);
    CHECK_OK(ca_key_hash(pkey, hash, &f.err), &f.err);
    fixture_open_again(&dead);
    CHECK_OK(ks_intent_add(dead.env.inv, TO, &id, &dead.err), &dead.err);
    CHECK_OK(ks_intent_made(dead.env.inv, id, hash, &dead.err), &dead.err);
    fixture_close(&dead);
    CHECK_OK(ca_key_put(&f.env, pkey, &spec, NULL, &f.err), &f.err);
    CHECK_CONTAINS(settle(&f), TO);
    CHECK(!is_there(&f, TO));
    CHECK_OK(ca_key_import(&f.env, pkey, &spec, NULL, &f.err), &f.err);
    CHECK_RC(ca_key_import(&f.env, pkey, &spec, NULL, &f.err), KS_E_EXISTS);
    CHECK(is_there(&f, TO));
    CHECK_INT(plans_left(&f), 0);
    EVP_PKEY_free(pkey);
    provider_close(&f);
}

static void resealing_says_whether_there_was_anything_to_do(void)
{
    struct ca_reseal_spec spec = {.act = "key.reseal"};
    struct fixture f;
    bool changed = true;

    provider_open(&f);
    make(&f, FROM);
    CHECK_OK(ca_key_reseal(&f.env, FROM, &spec, &changed, &f.err), &f.err);
    CHECK(!changed);
    spec.kdf = "scrypt:2048:8:1";
    CHECK_OK(ca_key_reseal(&f.env, FROM, &spec, &changed, &f.err), &f.err);
    CHECK(changed);
    CHECK(is_there(&f, FROM));
    spec.kdf = "scrypt:1000:8:1";
    CHECK(ca_key_reseal(&f.env, FROM, &spec, &changed, &f.err) != KS_OK);
    CHECK_RC(ca_key_reseal(&f.env, TO, &spec, &changed, &f.err),
             KS_E_NOT_FOUND);
    CHECK(is_there(&f, FROM));
    provider_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(a_cas_key_moves_and_the_ca_goes_on),
    TEST_CASE(a_copy_that_was_not_registered_goes),
    TEST_CASE(a_key_that_was_moved_goes_where_it_was),
    TEST_CASE(an_import_that_was_not_recorded_goes),
    TEST_CASE(another_key_is_never_taken_for_the_copy),
    TEST_CASE(another_key_of_the_name_is_nobodys_to_remove),
    TEST_CASE(one_key_of_two_names_stays),
    TEST_CASE(resealing_says_whether_there_was_anything_to_do),
    TEST_CASE(the_only_one_that_is_left_stays),
    TEST_CASE(the_same_command_takes_a_move_up),
    TEST_CASE(what_a_dead_process_copied_is_not_forgotten),
    TEST_CASE(what_cannot_be_moved_stays),
    TEST_CASE(where_nothing_can_be_seen_both_stay),
};
TEST_MAIN("ca.key_move", cases)
