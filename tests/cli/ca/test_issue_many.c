/*
 * Issuing in groups, and by several processes at once.
 */
#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/x509v3.h>

#include "draft.h"
#include "tmpdir.h"

static ks_rc count(void *arg, const struct ks_cert_row *row, struct ks_err *err)
{
    (void)err;
    CHECK_INT(row->state, KS_CERT_ISSUED);
    ++*(int *)arg;
    return KS_OK;
}

static int issued_by(struct fixture *f, const char *ca)
{
    struct ks_ca_row row = {0};
    struct ks_cert_query query = {.with_unfinished = true};
    int n = 0;

    CHECK_OK(ks_ca_find(f->env.inv, ca, &row, &f->err), &f->err);
    query.ca = row.id;
    CHECK_OK(ks_cert_each(f->env.inv, &query, count, &n, &f->err), &f->err);
    ks_ca_row_clear(&row);
    return n;
}

static void a_refusal_concerns_its_own_request_only(void)
{
    enum {
        N = 300
    }; /* more than one group */
    static const char *const good = "www.example.com", *const bad = "a_b";
    static struct ca_issue_spec specs[N];
    static struct ca_issue_result results[N];
    struct fixture f;
    struct ca_authority *authority = NULL;
    struct ca_csr *csr;

    fixture_open(&f);
    fixture_cas(&f);
    csr = fixture_csr(&f, NULL, NULL);
    for (int i = 0; i < N; i++)
        specs[i] = (struct ca_issue_spec){
            .csr = csr, .sans = i == 7 ? &bad : &good, .n_sans = 1};
    CHECK_OK(ca_authority_open(&f.env, "issuing", false, &authority, &f.err),
             &f.err);
    CHECK_RC(ca_issue_many(&f.env, authority, specs, N, results, &f.err),
             KS_E_INVALID);
    CHECK_CONTAINS(f.err.text, "a_b");
    for (int i = 0; i < N; i++) {
        if (i == 7)
            CHECK_RC(results[i].rc, KS_E_INVALID);
        else
            CHECK_OK(results[i].rc, &results[i].err);
        CHECK((results[i].issued.der.len > 0) == (i != 7));
        for (int j = 0; j < i; j++)
            CHECK(results[i].issued.serial[0] == '\0' ||
                  strcmp(results[i].issued.serial, results[j].issued.serial) !=
                      0);
    }
    for (int i = 0; i < N; i++)
        ca_issued_clear(&results[i].issued);
    CHECK_INT(issued_by(&f, "issuing"), N - 1);
    ca_authority_close(authority);
    ca_csr_free(csr);
    fixture_close(&f);
}

static int issue_some(int n)
{
    struct fixture f;
    int done = 0;

    fixture_open_again(&f);
    for (int i = 0; i < n; i++) {
        struct ca_issued issued;

        done += fixture_issue_san(&f, "issuing", "www.example.com", &issued) ==
                KS_OK;
        ca_issued_clear(&issued);
    }
    fixture_close(&f);
    return done == n ? 0 : 1;
}

static void several_processes_issue_at_once(void)
{
    enum {
        PROCESSES = 4,
        EACH = 20
    };
    struct fixture f;
    int64_t rows = 0;
    int status;

    fixture_open(&f);
    fixture_cas(&f);
    fixture_close(&f);
    for (int i = 0; i < PROCESSES; i++) {
        if (fork() == 0)
            _exit(issue_some(EACH));
    }
    for (int i = 0; i < PROCESSES; i++) {
        CHECK(wait(&status) > 0);
        CHECK_INT(status, 0);
    }
    fixture_open_again(&f);
    CHECK_INT(issued_by(&f, "issuing"), PROCESSES * EACH);
    CHECK_OK(ks_audit_verify(f.env.inv, &rows, &f.err), &f.err);
    fixture_close(&f);
}

/* The DarkMatter mistake of 2019 was a bit that was always clear. */
static void serials_are_159_random_bits(void)
{
    enum {
        N = 20000,
        BITS = 160
    };
    static unsigned set[BITS];
    struct ca_env env = {0};
    struct ks_err err = {0};
    struct ca_draft draft = {.cert = X509_new()};

    for (int i = 0; i < N; i++) {
        uint8_t octets[KS_SERIAL_MAX] = {0};

        CHECK_OK(ca_draft_serial(&env, &draft, &err), &err);
        CHECK(draft.serial_len >= 16 && draft.serial[0] != 0);
        memcpy(octets + KS_SERIAL_MAX - draft.serial_len, draft.serial,
               draft.serial_len);
        for (int bit = 0; bit < BITS; bit++)
            set[bit] += octets[bit / 8] >> (7 - bit % 8) & 1;
    }
    CHECK_INT(set[0], 0);                /* positive */
    for (int bit = 1; bit < BITS; bit++) /* over eight standard deviations */
        CHECK(set[bit] > N / 2 - 600 && set[bit] < N / 2 + 600);
    ca_draft_clear(&draft);
}

static const struct test_case cases[] = {
    TEST_CASE(a_refusal_concerns_its_own_request_only),
    TEST_CASE(several_processes_issue_at_once),
    TEST_CASE(serials_are_159_random_bits),
};
TEST_MAIN("ca.issue_many", cases)
