/*
 * Creating CAs: path lengths, name constraints, and nothing half made.
 */
#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/x509v3.h>

#include "tmpdir.h"

static X509 *cert_of(struct fixture *f, const char *name)
{
    struct ks_ca_row row = {0};
    const unsigned char *p;
    X509 *cert;

    CHECK_OK(ks_ca_find(f->env.inv, name, &row, &f->err), &f->err);
    p = row.cert.data;
    cert = d2i_X509(NULL, &p, (long)row.cert.len);
    ks_ca_row_clear(&row);
    return cert;
}

static void roots_and_intermediates_verify_at_any_depth(void)
{
    struct fixture f;
    struct ca_issued issued;
    X509 *root;

    fixture_open(&f);
    CHECK_OK(fixture_ca(&f, "root", NULL, "ec:P-384", -1), &f.err);
    CHECK_OK(fixture_ca(&f, "a", "root", "rsa:2048", -1), &f.err);
    CHECK_OK(fixture_ca(&f, "b", "a", "ed25519", -1), &f.err);
    CHECK_OK(fixture_ca(&f, "c", "b", "ec:P-521", -1), &f.err);
    CHECK_OK(fixture_ca(&f, "d", "c", "rsa-pss:2048", 0), &f.err);
    CHECK_OK(fixture_issue_san(&f, "d", "www.example.com", &issued), &f.err);
    REQUIRE(issued.cert != NULL);
    CHECK_INT(fixture_verify(&f, issued.cert, X509_PURPOSE_SSL_SERVER),
              X509_V_OK);
    ca_issued_clear(&issued);
    root = cert_of(&f, "root");
    REQUIRE(root != NULL);
    CHECK_STR(fixture_ext(root, NID_basic_constraints), "critical CA:TRUE");
    CHECK_STR(fixture_ext(root, NID_key_usage),
              "critical Certificate Sign, CRL Sign");
    CHECK(X509_get0_subject_key_id(root) != NULL);
    X509_free(root);
    fixture_close(&f);
}

static void path_lengths_come_down_the_chain(void)
{
    struct fixture f;
    X509 *cert;

    fixture_open(&f);
    CHECK_OK(fixture_ca(&f, "root", NULL, "ec:P-256", 2), &f.err);
    CHECK_RC(fixture_ca(&f, "x", "root", "ec:P-256", 2), KS_E_POLICY);
    CHECK_CONTAINS(f.err.text, "path length allows 1");
    CHECK_OK(fixture_ca(&f, "a", "root", "ec:P-256", -1), &f.err);
    cert = cert_of(&f, "a");
    CHECK_INT(X509_get_pathlen(cert), 1); /* as many as there may be */
    X509_free(cert);
    CHECK_OK(fixture_ca(&f, "b", "a", "ec:P-256", 0), &f.err);
    CHECK_RC(fixture_ca(&f, "c", "b", "ec:P-256", -1), KS_E_POLICY);
    CHECK_CONTAINS(f.err.text, "no CA below");
    fixture_close(&f);
}

static ks_rc create(struct fixture *f, struct ca_create_spec spec)
{
    struct ca_issued created = {0};
    ks_rc rc;

    if (spec.key_uri == NULL)
        spec.key_uri = fixture_key(f, spec.name, "ec:P-256");
    memset(&f->err, 0, sizeof(f->err));
    rc = ca_create(&f->env, &spec, &created, &f->err);
    ca_issued_clear(&created);
    return rc;
}

static void name_constraints_hold_for_what_is_issued(void)
{
    static const char *const permit[] = {"dns:example.com", "ip:10.0.0.0/8"};
    static const char *const exclude[] = {"dns:secret.example.com"};
    static const struct {
        const char *san;
        ks_rc rc;
    } rows[] = {
        {"dns:www.example.com", KS_OK},
        {"dns:www.example.org", KS_E_POLICY},
        {"dns:a.secret.example.com", KS_E_POLICY},
        {"ip:10.1.2.3", KS_OK},
        {"ip:192.0.2.1", KS_E_POLICY},
        {"dns:badexample.com", KS_E_POLICY},
    };
    struct fixture f;
    struct ca_issued issued;

    fixture_open(&f);
    CHECK_OK(fixture_ca(&f, "root", NULL, "ec:P-256", -1), &f.err);
    CHECK_OK(create(&f, (struct ca_create_spec){.name = "nc",
                                                .parent = "root",
                                                .subject = "CN=Constrained",
                                                .path_length = -1,
                                                .permit = permit,
                                                .n_permit = 2,
                                                .exclude = exclude,
                                                .n_exclude = 1}),
             &f.err);
    CHECK_OK(fixture_ca(&f, "below", "nc", "ec:P-256", 0), &f.err);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_RC(fixture_issue_san(&f, "below", rows[i].san, &issued),
                 rows[i].rc);
        if (rows[i].rc == KS_OK)
            CHECK_INT(fixture_verify(&f, issued.cert, X509_PURPOSE_SSL_SERVER),
                      X509_V_OK);
        else
            CHECK_CONTAINS(f.err.text, "name constraints of CN=Constrained");
        ca_issued_clear(&issued);
    }
    fixture_close(&f);
}

static void a_child_does_not_outlive_its_parent(void)
{
    struct fixture f;
    struct ca_create_spec spec = {
        .name = "a", .parent = "root", .subject = "CN=A", .path_length = 0};
    X509 *root, *a;

    fixture_open(&f);
    CHECK_OK(create(&f, (struct ca_create_spec){.name = "root",
                                                .subject = "CN=Root",
                                                .path_length = -1,
                                                .validity.seconds = 86400}),
             &f.err);
    spec.validity.seconds = 2 * 86400;
    CHECK_RC(create(&f, spec), KS_E_POLICY);
    CHECK_CONTAINS(f.err.text, "outliving");
    spec.validity.seconds = 0; /* nobody asked for an end */
    CHECK_OK(create(&f, spec), &f.err);
    root = cert_of(&f, "root");
    a = cert_of(&f, "a");
    CHECK_INT(
        ASN1_TIME_compare(X509_get0_notAfter(root), X509_get0_notAfter(a)), 0);
    X509_free(root);
    X509_free(a);
    fixture_close(&f);
}

static void bad_specifications_are_refused_and_leave_nothing(void)
{
    static const char *const bad_permit[] = {"ip:10.0.0.1/8"};
    static const struct ca_ext policies[] = {{"basicConstraints", "CA:FALSE"}};
    static const struct {
        struct ca_create_spec spec;
        ks_rc rc;
        const char *why;
    } bad[] = {
        {{.name = "root", .subject = "CN=X"}, KS_E_EXISTS, "of that name"},
        {{.name = "a/b", .subject = "CN=X"}, KS_E_INVALID, "not a name"},
        {{.name = "x", .subject = "O=X"}, KS_E_POLICY, "needs a CN"},
        {{.name = "x"}, KS_E_INVALID, "subject"},
        {{.name = "x", .subject = "CN=X", .parent = "none"},
         KS_E_NOT_FOUND,
         "none"},
        {{.name = "x",
          .subject = "CN=Example root,O=Example",
          .parent = "root"},
         KS_E_POLICY,
         "that of the parent"},
        {{.name = "x", .subject = "CN=X", .profile = "server"},
         KS_E_INVALID,
         "not a profile for CAs"},
        {{.name = "x", .subject = "CN=X", .crl_url = "ftp://x"},
         KS_E_INVALID,
         "ftp://x"},
        {{.name = "x", .subject = "CN=X", .permit = bad_permit, .n_permit = 1},
         KS_E_INVALID,
         "10.0.0.1/8"},
        {{.name = "x", .subject = "CN=X", .exts = policies, .n_exts = 1},
         KS_E_INVALID,
         "basicConstraints"},
    };
    struct fixture f;
    struct ks_ca_row row = {0};
    int64_t rows = 0, more = 0;

    fixture_open(&f);
    CHECK_OK(fixture_ca(&f, "root", NULL, "ec:P-256", -1), &f.err);
    CHECK_OK(ks_audit_verify(f.env.inv, &rows, &f.err), &f.err);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ca_create_spec spec = bad[i].spec;
        struct ca_issued created = {0};

        spec.key_uri = "file:/nonexistent/key.pem";
        if (bad[i].rc == KS_E_INVALID && strchr(spec.name, '/') != NULL)
            spec.key_uri = fixture_key(&f, "other", "ec:P-256");
        memset(&f.err, 0, sizeof(f.err));
        CHECK_RC(ca_create(&f.env, &spec, &created, &f.err), bad[i].rc);
        CHECK_CONTAINS(f.err.text, bad[i].why);
    }
    CHECK_OK(ks_audit_verify(f.env.inv, &more, &f.err), &f.err);
    CHECK_INT(more, rows);
    CHECK_RC(ks_ca_find(f.env.inv, "x", &row, &f.err), KS_E_NOT_FOUND);
    fixture_close(&f);
}

static void a_key_makes_one_ca_only(void)
{
    struct fixture f;
    char uri[512];

    fixture_open(&f);
    CHECK_OK(fixture_ca(&f, "root", NULL, "ec:P-256", -1), &f.err);
    (void)snprintf(uri, sizeof(uri), "file:%s", test_path("root.pem"));
    CHECK_RC(create(&f, (struct ca_create_spec){.name = "twin",
                                                .subject = "CN=Twin",
                                                .path_length = -1,
                                                .key_uri = uri}),
             KS_E_POLICY);
    CHECK_CONTAINS(f.err.text, "already that of the CA root");
    CHECK_RC(create(&f, (struct ca_create_spec){.name = "x",
                                                .subject = "CN=X",
                                                .path_length = -1,
                                                .key_uri = "foo:bar"}),
             KS_E_INVALID);
    CHECK_CONTAINS(f.err.text, "unknown scheme");
    fixture_close(&f);
}

static void services_are_named_in_what_is_issued(void)
{
    struct fixture f;
    struct ca_issued issued;

    fixture_open(&f);
    CHECK_OK(create(&f,
                    (struct ca_create_spec){
                        .name = "root",
                        .subject = "CN=Root",
                        .path_length = -1,
                        .crl_url = "http://x.example/a,b.crl",
                        .ocsp_url = "http://ocsp.example",
                        .issuer_url = "http://x.example/ca.cer"}),
             &f.err);
    CHECK_OK(fixture_issue_san(&f, "root", "a.example", &issued), &f.err);
    REQUIRE(issued.cert != NULL);
    CHECK_CONTAINS(fixture_ext(issued.cert, NID_crl_distribution_points),
                   "URI:http://x.example/a,b.crl");
    CHECK_CONTAINS(fixture_ext(issued.cert, NID_info_access),
                   "OCSP - URI:http://ocsp.example");
    CHECK_CONTAINS(fixture_ext(issued.cert, NID_info_access),
                   "CA Issuers - URI:http://x.example/ca.cer");
    ca_issued_clear(&issued);
    fixture_close(&f);
}

static void a_chain_ends_below_the_root(void)
{
    struct fixture f;
    struct ca_issued issued;
    struct ks_ca_row row = {0};
    struct ks_buf out = {0};
    int n = 0;

    fixture_open(&f);
    fixture_cas(&f);
    CHECK_OK(fixture_issue_san(&f, "issuing", "a.example", &issued), &f.err);
    CHECK_OK(ks_ca_find(f.env.inv, "issuing", &row, &f.err), &f.err);
    CHECK_OK(
        ca_cert_format(&f.env, &issued.der, row.id, true, CA_PEM, &out, &f.err),
        &f.err);
    for (char *p = (char *)out.data; (p = strstr(p, "BEGIN")) != NULL; p++)
        n++;
    CHECK_INT(n, 2);
    ks_buf_clear(&out);
    CHECK_OK(
        ca_cert_format(&f.env, &issued.der, 0, false, CA_DER, &out, &f.err),
        &f.err);
    CHECK_BYTES(out.data, out.len, issued.der.data, issued.der.len);
    ks_buf_clear(&out);
    ks_ca_row_clear(&row);
    ca_issued_clear(&issued);
    fixture_close(&f);
}

/* As libcrypto verifies: a CN counts as a host's name only where there is no
 * DNS name. */
static void the_name_outside_is_told_and_a_cn_beside_dns_names_is_none(void)
{
    static const char *const permit[] = {"dns:example.com", "ip:10.0.0.0/8"};
    static const char *const good[] = {"ip:10.1.2.3", "dns:ok.example.com"};
    static const char *const bad[] = {"dns:ok.example.com", "ip:10.1.2.3",
                                      "dns:www.example.org"};
    struct fixture f;
    struct ca_csr *csr;
    struct ca_issue_spec spec = {
        .subject = "CN=10.1.2.3", .sans = good, .n_sans = 2};
    struct ca_issued issued;

    fixture_open(&f);
    CHECK_OK(create(&f, (struct ca_create_spec){.name = "nc",
                                                .subject = "CN=Constrained",
                                                .path_length = -1,
                                                .permit = permit,
                                                .n_permit = 2}),
             &f.err);
    spec.csr = csr = fixture_csr(&f, NULL, NULL);
    CHECK_OK(fixture_issue(&f, "nc", &spec, &issued), &f.err);
    REQUIRE(issued.cert != NULL);
    CHECK_INT(fixture_verify(&f, issued.cert, X509_PURPOSE_SSL_SERVER),
              X509_V_OK);
    ca_issued_clear(&issued);
    spec.sans = bad;
    spec.n_sans = 3;
    CHECK_RC(fixture_issue(&f, "nc", &spec, &issued), KS_E_POLICY);
    CHECK_CONTAINS(f.err.text, "dns:www.example.org: outside");
    ca_csr_free(csr);
    fixture_close(&f);
}

static void extensions_of_the_command_leave_a_ca_a_ca(void)
{
    static const struct ca_ext exts[] = {
        {"keyUsage", "critical,digitalSignature"},
        {"extendedKeyUsage", "serverAuth,OCSPSigning"},
        {"extendedKeyUsage", "anyExtendedKeyUsage"},
        {"basicConstraints", "CA:FALSE"},
    };
    struct fixture f;

    fixture_open(&f);
    for (size_t i = 0; i < sizeof(exts) / sizeof(exts[0]); i++) {
        CHECK_RC(create(&f, (struct ca_create_spec){.name = "x",
                                                    .subject = "CN=X",
                                                    .path_length = -1,
                                                    .exts = &exts[i],
                                                    .n_exts = 1}),
                 KS_E_INVALID);
        CHECK_CONTAINS(f.err.text, exts[i].name);
    }
    fixture_close(&f);
}

static void a_profiles_path_length_holds_where_none_is_given(void)
{
    struct fixture f;
    X509 *cert;

    fixture_open(&f);
    fixture_config(&f, "[profile ca]\n"
                       "basicConstraints = critical, CA:TRUE, pathlen:1\n");
    CHECK_OK(create(&f, (struct ca_create_spec){.name = "x",
                                                .subject = "CN=X",
                                                .path_length = -1}),
             &f.err);
    cert = cert_of(&f, "x");
    CHECK_INT(X509_get_pathlen(cert), 1);
    X509_free(cert);
    fixture_close(&f);
}

/* All at once on one key: one CA comes of it, at most one signs with it. */
static void processes_at_once_make_one_ca_of_one_key(void)
{
    enum {
        N = 6
    };
    struct fixture f;
    char uri[512];
    pid_t pids[N];
    int made = 0;

    fixture_open(&f);
    (void)snprintf(uri, sizeof(uri), "%s", fixture_key(&f, "one", "ec:P-256"));
    fixture_close(&f);
    for (int i = 0; i < N; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            char name[16];
            struct ca_issued created = {0};
            struct ca_create_spec spec = {.name = name,
                                          .subject = "CN=X",
                                          .key_uri = uri,
                                          .path_length = -1};

            (void)snprintf(name, sizeof(name), "ca%d", i);
            fixture_open_again(&f);
            _exit(ca_create(&f.env, &spec, &created, &f.err) == KS_OK ? 0 : 1);
        }
    }
    for (int i = 0; i < N; i++) {
        int status = -1;

        CHECK(waitpid(pids[i], &status, 0) == pids[i]);
        made += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    CHECK_INT(made, 1);
}

static const struct test_case cases[] = {
    TEST_CASE(processes_at_once_make_one_ca_of_one_key),
    TEST_CASE(extensions_of_the_command_leave_a_ca_a_ca),
    TEST_CASE(a_profiles_path_length_holds_where_none_is_given),
    TEST_CASE(the_name_outside_is_told_and_a_cn_beside_dns_names_is_none),
    TEST_CASE(roots_and_intermediates_verify_at_any_depth),
    TEST_CASE(path_lengths_come_down_the_chain),
    TEST_CASE(name_constraints_hold_for_what_is_issued),
    TEST_CASE(a_child_does_not_outlive_its_parent),
    TEST_CASE(bad_specifications_are_refused_and_leave_nothing),
    TEST_CASE(a_key_makes_one_ca_only),
    TEST_CASE(services_are_named_in_what_is_issued),
    TEST_CASE(a_chain_ends_below_the_root),
};
TEST_MAIN("ca.create", cases)
