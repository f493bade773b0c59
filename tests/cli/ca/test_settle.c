/*
 * What a dead process left is completed, or given up; what a living one is
 * doing is left alone.
 */
#include "fixture.h"

#include <string.h>
#include <time.h>

#include "authority.h"
#include "tmpdir.h"

/* Steps of issuing, up to which it gets before it "dies". */
enum step {
    RESERVED,
    TBS
};

/* As ca_issue, but it goes no further; the handle that owns the row is
 * closed, as the death of its process would. */
static int64_t leave_behind(enum step step)
{
    struct fixture f;
    struct ca_authority *authority = NULL;
    struct ca_draft draft = {0};
    const char *san = "www.example.com";
    struct ca_csr *csr;
    struct ca_issue_spec spec = {.sans = &san, .n_sans = 1};
    int64_t id;

    fixture_open_again(&f);
    spec.csr = csr = fixture_csr(&f, NULL, NULL);
    CHECK_OK(ca_authority_open(&f.env, "issuing", false, &authority, &f.err),
             &f.err);
    CHECK_OK(ca_issue_build(&f.env, authority, &spec, NULL, &draft, &f.err),
             &f.err);
    CHECK_OK(ca_draft_reserve(&f.env, authority->row.id, 0, &draft, &f.err),
             &f.err);
    if (step >= TBS) {
        CHECK_OK(ca_draft_encode(&authority->signer, &draft, &f.err), &f.err);
        CHECK_OK(ca_draft_record_tbs(&f.env, &draft, &f.err), &f.err);
    }
    id = draft.row;
    ca_draft_clear(&draft);
    ca_authority_close(authority);
    ca_csr_free(csr);
    fixture_close(&f);
    return id;
}

static void settle(struct fixture *f, size_t finished, size_t abandoned,
                   size_t undone)
{
    struct ca_settled settled;

    CHECK_OK(ca_settle(&f->env, &settled, &f->err), &f->err);
    CHECK_INT(settled.finished, finished);
    CHECK_INT(settled.abandoned, abandoned);
    CHECK_INT(settled.undone, undone);
    CHECK_INT(settled.notes.n, finished + abandoned + undone);
    ca_settled_clear(&settled);
    ca_settled_clear(&settled);
}

static void nothing_left_is_nothing_to_do(void)
{
    struct fixture f;

    fixture_open(&f);
    fixture_cas(&f);
    settle(&f, 0, 0, 0);
    fixture_close(&f);
}

static void stored_bytes_are_signed_as_they_are(void)
{
    struct fixture f;
    struct ks_cert_row before = {0}, after = {0};
    const unsigned char *p;
    unsigned char *tbs = NULL;
    X509 *cert;
    int64_t id;
    int len;

    fixture_open(&f);
    fixture_cas(&f);
    id = leave_behind(TBS);
    CHECK_OK(ks_cert_get(f.env.inv, id, &before, &f.err), &f.err);
    CHECK_INT(before.state, KS_CERT_TBS);
    settle(&f, 1, 0, 0);
    CHECK_OK(ks_cert_get(f.env.inv, id, &after, &f.err), &f.err);
    CHECK_INT(after.state, KS_CERT_ISSUED);
    p = after.der.data;
    cert = d2i_X509(NULL, &p, (long)after.der.len);
    REQUIRE(cert != NULL);
    len = i2d_re_X509_tbs(cert, &tbs);
    CHECK_BYTES(tbs, (size_t)len, before.tbs.data, before.tbs.len);
    CHECK_INT(fixture_verify(&f, cert, X509_PURPOSE_SSL_SERVER), X509_V_OK);
    settle(&f, 0, 0, 0);
    OPENSSL_free(tbs);
    X509_free(cert);
    ks_cert_row_clear(&before);
    ks_cert_row_clear(&after);
    fixture_close(&f);
}

static void a_bare_reservation_is_given_up(void)
{
    struct fixture f;
    struct ks_cert_row row = {0};
    int64_t id;

    fixture_open(&f);
    fixture_cas(&f);
    id = leave_behind(RESERVED);
    settle(&f, 0, 1, 0);
    CHECK_OK(ks_cert_get(f.env.inv, id, &row, &f.err), &f.err);
    CHECK_INT(row.state, KS_CERT_ABANDONED);
    CHECK(row.revoked);
    ks_cert_row_clear(&row);
    fixture_close(&f);
}

static void without_the_right_key_it_is_given_up(void)
{
    struct fixture f;
    struct ks_cert_row row = {0};
    int64_t id;

    fixture_open(&f);
    fixture_cas(&f);
    id = leave_behind(TBS);
    (void)fixture_key(&f, "issuing", "ec:P-256"); /* over the old one */
    settle(&f, 0, 1, 0);
    CHECK_OK(ks_cert_get(f.env.inv, id, &row, &f.err), &f.err);
    CHECK_INT(row.state, KS_CERT_ABANDONED);
    CHECK(row.revoked && row.tbs.len > 0);
    ks_cert_row_clear(&row);
    fixture_close(&f);
}

static void given_up(struct fixture *f, int64_t id)
{
    struct ks_cert_row row = {0};

    settle(f, 0, 1, 0);
    CHECK_OK(ks_cert_get(f->env.inv, id, &row, &f->err), &f->err);
    CHECK_INT(row.state, KS_CERT_ABANDONED);
    ks_cert_row_clear(&row);
}

/* It would be backdated; or a CA that may not sign would. */
static void what_may_not_be_signed_any_more_is_given_up(void)
{
    struct fixture f;
    struct ks_ca_row row = {0};
    int64_t id;

    fixture_open(&f);
    fixture_cas(&f);
    id = leave_behind(TBS);
    f.env.now = time(NULL) - 3600; /* before the CA begins */
    given_up(&f, id);
    f.env.now = 0;
    id = leave_behind(TBS);
    CHECK_OK(ks_ca_find(f.env.inv, "issuing", &row, &f.err), &f.err);
    CHECK_OK(ks_ca_set_state(f.env.inv, row.id, KS_CA_RETIRED, &f.err), &f.err);
    given_up(&f, id);
    CHECK_OK(ks_ca_set_state(f.env.inv, row.id, KS_CA_ACTIVE, &f.err), &f.err);
    id = leave_behind(TBS);
    f.env.now = time(NULL) + 49 * 3600;
    given_up(&f, id);
    ks_ca_row_clear(&row);
    fixture_close(&f);
}

static ks_rc claim_cert(void *arg, const struct ks_cert_row *row,
                        struct ks_err *err)
{
    (void)err;
    *(int64_t *)arg = row->id;
    return KS_OK;
}

static void one_process_alone_settles_a_row(void)
{
    struct fixture f, other;
    bool claimed = false;
    int64_t id, seen = 0;

    fixture_open(&f);
    fixture_cas(&f);
    fixture_open_again(&other);
    id = leave_behind(TBS);
    CHECK_OK(ks_cert_each_dead(other.env.inv, 9, claim_cert, &seen, &other.err),
             &other.err);
    CHECK_INT(seen, id);
    CHECK_OK(ks_cert_claim(f.env.inv, id, &claimed, &f.err), &f.err);
    CHECK(claimed);
    CHECK_OK(ks_cert_claim(other.env.inv, id, &claimed, &other.err),
             &other.err);
    CHECK(!claimed);
    settle(&other, 0, 0, 0);
    CHECK_OK(ks_cert_claim(other.env.inv, 4711, &claimed, &other.err),
             &other.err);
    CHECK(!claimed);
    fixture_close(&f); /* it dies, too */
    settle(&other, 1, 0, 0);
    fixture_close(&other);
}

static void a_living_process_is_left_alone(void)
{
    struct fixture f, other;
    struct ca_draft draft = {0};
    struct ca_authority *authority = NULL;
    const char *san = "www.example.com";
    struct ca_csr *csr;
    struct ca_issue_spec spec = {.sans = &san, .n_sans = 1};

    fixture_open(&f);
    fixture_cas(&f);
    fixture_open_again(&other);
    spec.csr = csr = fixture_csr(&f, NULL, NULL);
    CHECK_OK(ca_authority_open(&f.env, "issuing", false, &authority, &f.err),
             &f.err);
    CHECK_OK(ca_issue_build(&f.env, authority, &spec, NULL, &draft, &f.err),
             &f.err);
    CHECK_OK(ca_draft_reserve(&f.env, authority->row.id, 0, &draft, &f.err),
             &f.err);
    settle(&other, 0, 0, 0);
    CHECK_OK(ca_draft_encode(&authority->signer, &draft, &f.err), &f.err);
    CHECK_OK(ca_draft_record_tbs(&f.env, &draft, &f.err), &f.err);
    settle(&other, 0, 0, 0);
    ca_draft_abandon(&f.env, &draft);
    ca_draft_clear(&draft);
    ca_authority_close(authority);
    ca_csr_free(csr);
    fixture_close(&other);
    fixture_close(&f);
}

static void a_half_made_ca_is_removed_and_its_name_is_free(void)
{
    struct fixture f, other;
    struct ks_ca_row row = {.name = (char *)(uintptr_t) "new",
                            .key_uri = (char *)(uintptr_t) "file:/none"};
    struct ks_err err = {0};
    int64_t id = 0;

    fixture_open(&f);
    fixture_open_again(&other);
    CHECK_OK(ks_ca_add(other.env.inv, &row, &id, &err), &err);
    CHECK_RC(fixture_ca(&f, "new", NULL, "ec:P-256", -1), KS_E_EXISTS);
    fixture_close(&other);
    settle(&f, 0, 0, 1);
    CHECK_OK(fixture_ca(&f, "new", NULL, "ec:P-256", -1), &f.err);
    fixture_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(nothing_left_is_nothing_to_do),
    TEST_CASE(stored_bytes_are_signed_as_they_are),
    TEST_CASE(a_bare_reservation_is_given_up),
    TEST_CASE(without_the_right_key_it_is_given_up),
    TEST_CASE(what_may_not_be_signed_any_more_is_given_up),
    TEST_CASE(one_process_alone_settles_a_row),
    TEST_CASE(a_living_process_is_left_alone),
    TEST_CASE(a_half_made_ca_is_removed_and_its_name_is_free),
};
TEST_MAIN("ca.settle", cases)
