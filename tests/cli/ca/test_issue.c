/*
 * Issuing one certificate: what it says, and what is refused.
 */
#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "tmpdir.h"

static void a_certificate_from_a_request_is_accepted(void)
{
    struct fixture f;
    struct ca_issued issued;

    fixture_open(&f);
    fixture_cas(&f);
    CHECK_OK(fixture_issue_san(&f, "issuing", "www.example.com", &issued),
             &f.err);
    REQUIRE(issued.cert != NULL);
    CHECK_INT(fixture_verify(&f, issued.cert, X509_PURPOSE_SSL_SERVER),
              X509_V_OK);
    CHECK_INT(fixture_verify(&f, issued.cert, X509_PURPOSE_SSL_CLIENT),
              X509_V_ERR_INVALID_PURPOSE);
    CHECK_INT(X509_get_version(issued.cert), X509_VERSION_3);
    CHECK_STR(fixture_ext(issued.cert, NID_subject_alt_name),
              "DNS:www.example.com");
    CHECK_STR(fixture_ext(issued.cert, NID_key_usage),
              "critical Digital Signature");
    CHECK(X509_check_host(issued.cert, "www.example.com", 0, 0, NULL) == 1);
    ca_issued_clear(&issued);
    fixture_close(&f);
}

static void bad(struct fixture *f, const char *ca,
                const struct ca_issue_spec *spec, ks_rc rc, const char *why)
{
    struct ca_issued issued;

    CHECK_RC(fixture_issue(f, ca, spec, &issued), rc);
    CHECK(issued.cert == NULL);
    CHECK_CONTAINS(f->err.text, why);
    ca_issued_clear(&issued);
}

static void the_first_name_becomes_the_cn(void)
{
    static const char *const sans[] = {"ip:192.0.2.7", "www.example.com",
                                       "www.example.com"};
    struct fixture f;
    struct ca_issued issued;
    struct ca_csr *csr;
    struct ca_issue_spec spec = {.sans = sans, .n_sans = 3};
    char *subject;

    fixture_open(&f);
    fixture_cas(&f);
    spec.csr = csr = fixture_csr(&f, "CN=from.request", NULL);
    CHECK_OK(fixture_issue(&f, "issuing", &spec, &issued), &f.err);
    REQUIRE(issued.cert != NULL);
    subject = ca_name_text(X509_get_subject_name(issued.cert));
    CHECK_STR(subject, "CN=192.0.2.7");
    CHECK_INT(issued.names.n, 2); /* the same name twice is one */
    CHECK_INT(issued.dropped.n, 1);
    CHECK_CONTAINS(issued.dropped.items[0], "CN=from.request");
    OPENSSL_free(subject);
    ca_issued_clear(&issued);
    ca_csr_free(csr);
    fixture_close(&f);
}

static void an_empty_subject_makes_the_names_critical(void)
{
    struct fixture f;
    struct ca_issued issued;
    const char *san = "uri:spiffe://example.com/workload";
    struct ca_csr *csr;
    struct ca_issue_spec spec = {
        .profile = "client", .sans = &san, .n_sans = 1};

    fixture_open(&f);
    fixture_cas(&f);
    spec.csr = csr = fixture_csr(&f, NULL, NULL);
    CHECK_OK(fixture_issue(&f, "issuing", &spec, &issued), &f.err);
    REQUIRE(issued.cert != NULL);
    CHECK_INT(X509_NAME_entry_count(X509_get_subject_name(issued.cert)), 0);
    CHECK_CONTAINS(fixture_ext(issued.cert, NID_subject_alt_name), "critical ");
    CHECK_INT(fixture_verify(&f, issued.cert, X509_PURPOSE_SSL_CLIENT),
              X509_V_OK);
    ca_issued_clear(&issued);
    ca_csr_free(csr);
    fixture_close(&f);
}

static void a_request_cannot_make_itself_a_ca(void)
{
    static const char *const exts[] = {"basicConstraints",
                                       "critical,CA:TRUE",
                                       "keyUsage",
                                       "keyCertSign",
                                       "subjectAltName",
                                       "DNS:evil.example",
                                       "authorityInfoAccess",
                                       "OCSP;URI:http://evil.example",
                                       "nameConstraints",
                                       "permitted;DNS:evil.example",
                                       NULL};
    static const char *const copy[] = {"keyUsage"};
    static const char *const never[] = {"basicConstraints",
                                        "nameConstraints",
                                        "authorityKeyIdentifier",
                                        "subjectKeyIdentifier",
                                        "authorityInfoAccess",
                                        "crlDistributionPoints",
                                        "2.5.29.19",
                                        "nonsense"};
    struct fixture f;
    struct ca_issued issued;
    const char *san = "www.example.com";
    struct ca_csr *csr;
    struct ca_issue_spec spec = {
        .sans = &san, .n_sans = 1, .copy = copy, .n_copy = 1};

    fixture_open(&f);
    fixture_cas(&f);
    spec.csr = csr = fixture_csr(&f, NULL, exts);
    CHECK_OK(fixture_issue(&f, "issuing", &spec, &issued), &f.err);
    REQUIRE(issued.cert != NULL);
    CHECK_INT(X509_check_ca(issued.cert), 0);
    CHECK_STR(fixture_ext(issued.cert, NID_basic_constraints), "");
    CHECK_STR(fixture_ext(issued.cert, NID_info_access), "");
    CHECK_STR(fixture_ext(issued.cert, NID_subject_alt_name),
              "DNS:www.example.com");
    CHECK_STR(fixture_ext(issued.cert, NID_key_usage),
              "critical Digital Signature");
    CHECK_INT(issued.dropped.n, 5);
    CHECK_STR(issued.dropped.items[0],
              "basicConstraints CA:TRUE: only the CA decides this");
    CHECK_CONTAINS(issued.dropped.items[1], "keyCertSign");
    ca_issued_clear(&issued);
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        spec.copy = &never[i];
        bad(&f, "issuing", &spec, KS_E_INVALID, never[i]);
    }
    ca_csr_free(csr);
    fixture_close(&f);
}

static void what_is_listed_is_copied(void)
{
    static const char *const exts[] = {"subjectAltName",
                                       "DNS:www.example.com,IP:192.0.2.7",
                                       "extendedKeyUsage",
                                       "serverAuth",
                                       "1.2.3.4",
                                       "ASN1:UTF8:x",
                                       NULL};
    static const char *const bad_exts[] = {"subjectAltName",
                                           "DNS:a_b.example.com", NULL};
    static const char *const copy[] = {"subject", "subjectAltName", "1.2.3.4"};
    struct fixture f;
    struct ca_issued issued;
    struct ca_csr *csr;
    struct ca_issue_spec spec = {.copy = copy, .n_copy = 3};

    fixture_open(&f);
    fixture_cas(&f);
    spec.csr = csr = fixture_csr(&f, "O=Asked,CN=www.example.com", exts);
    CHECK_OK(fixture_issue(&f, "issuing", &spec, &issued), &f.err);
    REQUIRE(issued.cert != NULL);
    CHECK_STR(fixture_ext(issued.cert, NID_subject_alt_name),
              "DNS:www.example.com, IP Address:192.0.2.7");
    CHECK_INT(issued.dropped.n, 1); /* the extended key usage */
    CHECK_INT(X509_NAME_entry_count(X509_get_subject_name(issued.cert)), 2);
    ca_issued_clear(&issued);
    ca_csr_free(csr);
    spec.csr = csr = fixture_csr(&f, NULL, bad_exts);
    bad(&f, "issuing", &spec, KS_E_INVALID, "a_b.example.com");
    ca_csr_free(csr);
    fixture_close(&f);
}

static void a_cn_is_never_the_only_carrier_of_a_name(void)
{
    struct fixture f;
    const char *san = "other.example.com";
    struct ca_csr *csr;
    struct ca_issue_spec spec = {.subject = "CN=www.example.com"};

    fixture_open(&f);
    fixture_cas(&f);
    spec.csr = csr = fixture_csr(&f, NULL, NULL);
    bad(&f, "issuing", &spec, KS_E_POLICY, "subject alternative name");
    CHECK_CONTAINS(f.err.hint, "dns:www.example.com");
    spec.sans = &san;
    spec.n_sans = 1;
    bad(&f, "issuing", &spec, KS_E_POLICY, "CN=www.example.com");
    spec.subject = NULL;
    spec.n_sans = 0;
    spec.profile = "client";
    bad(&f, "issuing", &spec, KS_E_POLICY, "needs a subject");
    ca_csr_free(csr);
    fixture_close(&f);
}

static time_t end_of(X509 *cert)
{
    struct tm tm = {0};

    CHECK_INT(ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm), 1);
    return timegm(&tm);
}

static void validity_counts_both_ends_and_has_its_limits(void)
{
    struct fixture f;
    struct ca_issued issued;
    const char *san = "www.example.com";
    struct ca_csr *csr;
    time_t now;
    struct ca_issue_spec spec = {.sans = &san, .n_sans = 1};

    fixture_open(&f);
    fixture_cas(&f);
    now = time(NULL); /* the CAs have begun */
    spec.csr = csr = fixture_csr(&f, NULL, NULL);
    f.env.now = now;
    spec.validity.seconds = 7776000;
    CHECK_OK(fixture_issue(&f, "issuing", &spec, &issued), &f.err);
    REQUIRE(issued.cert != NULL);
    CHECK_INT(end_of(issued.cert), now + 7776000 - 1);
    ca_issued_clear(&issued);
    spec.validity.seconds = 20LL * 365 * 86400;
    bad(&f, "issuing", &spec, KS_E_POLICY, "outliving");
    CHECK_CONTAINS(f.err.hint, "--clamp");
    spec.clamp = true;
    CHECK_OK(fixture_issue(&f, "issuing", &spec, &issued), &f.err);
    REQUIRE(issued.cert != NULL);
    CHECK_INT(issued.notes.n, 1);
    CHECK_INT(fixture_verify(&f, issued.cert, X509_PURPOSE_SSL_SERVER),
              X509_V_OK);
    ca_issued_clear(&issued);
    spec.validity = (struct ca_validity){.not_before = now - 48 * 3600 - 1};
    bad(&f, "issuing", &spec, KS_E_POLICY, "backdated");
    spec.validity = (struct ca_validity){.not_before = now - 3600};
    bad(&f, "issuing", &spec, KS_E_POLICY, "before its CA");
    spec.validity = (struct ca_validity){.not_before = now + 3651LL * 86400};
    bad(&f, "issuing", &spec, KS_E_POLICY, "after its CA has ended");
    spec.validity = (struct ca_validity){.not_after = now - 5};
    bad(&f, "issuing", &spec, KS_E_INVALID, "before it begins");
    spec.validity = (struct ca_validity){.seconds = -1};
    bad(&f, "issuing", &spec, KS_E_INVALID, "validity");
    ca_csr_free(csr);
    fixture_close(&f);
}

/* RFC 5280, 4.1.2.5: UTCTime through 2049, then GeneralizedTime. */
static void times_from_2050_are_generalized(void)
{
    struct fixture f;
    struct ca_issued created = {0};
    struct ca_create_spec spec = {
        .name = "root", .subject = "CN=Root", .path_length = -1};

    fixture_open(&f);
    spec.key_uri = fixture_key(&f, "root", "ec:P-256");
    spec.validity.not_after = 2524607999; /* 2049-12-31T23:59:59Z */
    CHECK_OK(ca_create_preview(&f.env, &spec, &created, &f.err), &f.err);
    REQUIRE(created.cert != NULL);
    CHECK_INT(X509_get0_notAfter(created.cert)->type, V_ASN1_UTCTIME);
    ca_issued_clear(&created);
    spec.validity.not_after = 2524608000;
    CHECK_OK(ca_create_preview(&f.env, &spec, &created, &f.err), &f.err);
    CHECK_INT(X509_get0_notAfter(created.cert)->type, V_ASN1_GENERALIZEDTIME);
    ca_issued_clear(&created);
    spec.validity.not_after = 253402300799;
    CHECK_OK(ca_create_preview(&f.env, &spec, &created, &f.err), &f.err);
    ca_issued_clear(&created);
    spec.validity.not_after = 253402300800;
    CHECK_RC(ca_create_preview(&f.env, &spec, &created, &f.err), KS_E_INVALID);
    fixture_close(&f);
}

static void a_ca_that_may_not_issue_does_not(void)
{
    struct fixture f;
    struct ca_issued issued;
    struct ks_ca_row row = {0};

    fixture_open(&f);
    fixture_cas(&f);
    CHECK_RC(fixture_issue_san(&f, "nonesuch", "a.example", &issued),
             KS_E_NOT_FOUND);
    f.env.now = time(NULL) + 11LL * 365 * 86400;
    CHECK_RC(fixture_issue_san(&f, "issuing", "a.example", &issued),
             KS_E_POLICY);
    CHECK_CONTAINS(f.err.text, "expired");
    f.env.now = time(NULL) - 86400;
    CHECK_RC(fixture_issue_san(&f, "issuing", "a.example", &issued),
             KS_E_POLICY);
    CHECK_CONTAINS(f.err.text, "not valid yet");
    f.env.now = 0;
    CHECK_OK(
        ks_audit_add(f.env.inv, time(NULL) + 4000, "t", "a", "o", NULL, &f.err),
        &f.err);
    CHECK_RC(fixture_issue_san(&f, "issuing", "a.example", &issued),
             KS_E_POLICY);
    CHECK_CONTAINS(f.err.text, "behind the newest audit record");
    f.env.now = time(NULL) + 4000;
    CHECK_OK(fixture_issue_san(&f, "issuing", "a.example", &issued), &f.err);
    ca_issued_clear(&issued);
    CHECK_OK(ks_ca_find(f.env.inv, "issuing", &row, &f.err), &f.err);
    CHECK_OK(ks_ca_set_state(f.env.inv, row.id, KS_CA_RETIRED, &f.err), &f.err);
    CHECK_RC(fixture_issue_san(&f, "issuing", "a.example", &issued),
             KS_E_POLICY);
    CHECK_CONTAINS(f.err.text, "retired");
    ks_ca_row_clear(&row);
    fixture_close(&f);
}

static void a_key_that_is_not_the_certificates_is_refused(void)
{
    struct fixture f;
    struct ca_issued issued;

    fixture_open(&f);
    fixture_cas(&f);
    (void)fixture_key(&f, "issuing", "ec:P-256"); /* over the old one */
    CHECK_RC(fixture_issue_san(&f, "issuing", "a.example", &issued),
             KS_E_POLICY);
    CHECK_CONTAINS(f.err.text, "not that of its certificate");
    fixture_close(&f);
}

static void a_cas_key_is_not_certified_again(void)
{
    struct fixture f;
    struct ca_issue_spec spec = {.subject = "CN=x", .profile = "client"};
    char uri[512];

    fixture_open(&f);
    (void)snprintf(uri, sizeof(uri), "%s", fixture_key(&f, "root", "ec:P-256"));
    fixture_cas(&f);
    (void)snprintf(uri, sizeof(uri), "file:%s", test_path("root.pem"));
    spec.key_uri = uri;
    bad(&f, "issuing", &spec, KS_E_POLICY, "the key is that of the CA ");
    fixture_close(&f);
}

static void commands_cannot_set_what_is_the_cas(void)
{
    static const struct ca_ext exts[] = {
        {"basicConstraints", "CA:TRUE"},
        {"keyUsage", "keyCertSign"},
        {"nameConstraints", "permitted;DNS:x"},
        {"subjectKeyIdentifier", "hash"},
        {"authorityKeyIdentifier", "keyid"},
        {"subjectAltName", "DNS:x"},
        {"extendedKeyUsage", "anyExtendedKeyUsage"},
        {"nsCertType", "sslCA"},
        {"keyUsage", "DER:03020204"},
        {"certificatePolicies", "DER:0500"},
        {"certificatePolicies", "1.2.3 notice=\xff"},
        {"nonsense", "x"},
        {"keyUsage", "nonsense"},
    };
    struct fixture f;
    struct ca_csr *csr;
    const char *san = "www.example.com";
    struct ca_issue_spec spec = {.sans = &san, .n_sans = 1, .n_exts = 1};

    fixture_open(&f);
    fixture_cas(&f);
    spec.csr = csr = fixture_csr(&f, NULL, NULL);
    for (size_t i = 0; i < sizeof(exts) / sizeof(exts[0]); i++) {
        spec.exts = &exts[i];
        bad(&f, "issuing", &spec, KS_E_INVALID, exts[i].name);
    }
    ca_csr_free(csr);
    fixture_close(&f);
}

static void issuer_and_key_ids_are_the_cas_octet_for_octet(void)
{
    struct fixture f;
    struct ca_issued issued;
    struct ks_ca_row row = {0};
    const unsigned char *p, *a = NULL, *b = NULL;
    size_t a_len = 0, b_len = 0;
    X509 *ca;

    fixture_open(&f);
    fixture_cas(&f);
    CHECK_OK(fixture_issue_san(&f, "issuing", "a.example", &issued), &f.err);
    REQUIRE(issued.cert != NULL);
    CHECK_OK(ks_ca_find(f.env.inv, "issuing", &row, &f.err), &f.err);
    p = row.cert.data;
    ca = d2i_X509(NULL, &p, (long)row.cert.len);
    CHECK(X509_NAME_get0_der(X509_get_subject_name(ca), &a, &a_len) == 1);
    CHECK(X509_NAME_get0_der(X509_get_issuer_name(issued.cert), &b, &b_len) ==
          1);
    CHECK_BYTES(a, a_len, b, b_len);
    CHECK(ASN1_OCTET_STRING_cmp(X509_get0_subject_key_id(ca),
                                X509_get0_authority_key_id(issued.cert)) == 0);
    CHECK(strlen(issued.serial) >= 32);
    CHECK(ASN1_STRING_length(X509_get0_serialNumber(issued.cert)) <= 20);
    X509_free(ca);
    ks_ca_row_clear(&row);
    ca_issued_clear(&issued);
    fixture_close(&f);
}

static void a_preview_records_nothing(void)
{
    struct fixture f;
    struct ca_issued issued = {0};
    struct ca_authority *authority = NULL;
    const char *san = "www.example.com";
    struct ca_csr *csr;
    struct ca_issue_spec spec = {.sans = &san, .n_sans = 1};
    int64_t rows = 0, more = 0;

    fixture_open(&f);
    fixture_cas(&f);
    CHECK_OK(ks_audit_verify(f.env.inv, &rows, &f.err), &f.err);
    spec.csr = csr = fixture_csr(&f, NULL, NULL);
    CHECK_OK(ca_authority_open(&f.env, "issuing", true, &authority, &f.err),
             &f.err);
    CHECK_OK(ca_preview(&f.env, authority, &spec, &issued, &f.err), &f.err);
    CHECK_STR(issued.serial, "");
    CHECK(issued.cert != NULL);
    ca_issued_clear(&issued);
    CHECK_RC(ca_issue(&f.env, authority, &spec, &issued, &f.err),
             KS_E_INTERNAL);
    CHECK_OK(ks_audit_verify(f.env.inv, &more, &f.err), &f.err);
    CHECK_INT(more, rows);
    ca_authority_close(authority);
    ca_authority_close(NULL);
    ca_csr_free(csr);
    fixture_close(&f);
}

static void the_digest_follows_the_signing_key(void)
{
    static const struct {
        const char *type;
        const char *signature;
    } rows[] = {
        {"ec:P-256", "ecdsa-with-SHA256"},
        {"ec:P-384", "ecdsa-with-SHA384"},
        {"ec:P-521", "ecdsa-with-SHA512"},
        {"rsa:2048", "RSA-SHA256"},
        {"rsa-pss:2048", "RSASSA-PSS"},
        {"ed25519", "ED25519"},
        {"ed448", "ED448"},
    };
    struct fixture f;

    fixture_open(&f);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ca_issued issued;
        struct ca_cert_info info = {0};
        char name[16];

        (void)snprintf(name, sizeof(name), "ca%zu", i);
        CHECK_OK(fixture_ca(&f, name, NULL, rows[i].type, -1), &f.err);
        CHECK_OK(fixture_issue_san(&f, name, "a.example", &issued), &f.err);
        if (!CHECK(issued.cert != NULL))
            continue;
        CHECK_INT(fixture_verify(&f, issued.cert, X509_PURPOSE_SSL_SERVER),
                  X509_V_OK);
        CHECK_OK(ca_cert_describe(&issued.der, &info, &f.err), &f.err);
        CHECK_STR(info.signature, rows[i].signature);
        CHECK_STR(info.key_type, "ec:P-256");
        CHECK_STR(info.serial, issued.serial);
        CHECK_INT(info.names.n, 1);
        ca_cert_info_clear(&info);
        ca_issued_clear(&issued);
    }
    fixture_close(&f);
}

/* RFC 5480, 3; RFC 8410, 5: each key gets the usages it can have. */
static void key_usage_is_cut_to_what_the_key_can_do(void)
{
    static const struct {
        const char *type;
        const char *profile;
        const char *usage; /* NULL: refused */
    } rows[] = {
        {"rsa:2048", "server", "critical Digital Signature, Key Encipherment"},
        {"rsa:2048", "email", "critical Digital Signature, Key Encipherment"},
        {"rsa-pss:2048", "server", "critical Digital Signature"},
        {"ec:P-256", "server", "critical Digital Signature"},
        {"ec:P-256", "peer", "critical Digital Signature"},
        {"ec:P-256", "email", "critical Digital Signature, Key Agreement"},
        {"ed25519", "peer", "critical Digital Signature"},
        {"x25519", "email", "critical Key Agreement"},
        {"x25519", "server", NULL},
    };
    struct fixture f;
    const char *san = "a.example";

    fixture_open(&f);
    fixture_cas(&f);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ca_issue_spec spec = {
            .profile = rows[i].profile, .sans = &san, .n_sans = 1};
        struct ca_issued issued;
        char name[16];

        (void)snprintf(name, sizeof(name), "k%zu", i);
        spec.key_uri = fixture_key(&f, name, rows[i].type);
        CHECK_RC(fixture_issue(&f, "issuing", &spec, &issued),
                 rows[i].usage != NULL ? KS_OK : KS_E_POLICY);
        if (rows[i].usage == NULL)
            CHECK_CONTAINS(f.err.text, "can do nothing");
        else if (CHECK(issued.cert != NULL))
            CHECK_STR(fixture_ext(issued.cert, NID_key_usage), rows[i].usage);
        ca_issued_clear(&issued);
    }
    fixture_close(&f);
}

/* What makes it a server's is what it says in the end. */
static void a_copied_purpose_counts_as_the_profiles(void)
{
    static const char *const exts[] = {"extendedKeyUsage", "serverAuth", NULL};
    static const char *const copy[] = {"extendedKeyUsage"};
    struct fixture f;
    struct ca_csr *csr;
    struct ca_issue_spec spec = {.profile = "client",
                                 .subject = "CN=www.example.com",
                                 .copy = copy,
                                 .n_copy = 1};

    fixture_open(&f);
    fixture_cas(&f);
    spec.csr = csr = fixture_csr(&f, NULL, exts);
    bad(&f, "issuing", &spec, KS_E_POLICY, "subject alternative name");
    ca_csr_free(csr);
    fixture_close(&f);
}

static void policies_have_their_qualifiers(void)
{
    static const struct ca_ext ext = {
        "certificatePolicies",
        "1.2.3.4 cps=https://example.com/cps notice=One\\, two, 2.5.29.32.0"};
    struct fixture f;
    struct ca_csr *csr;
    struct ca_issued issued;
    const char *san = "a.example", *text;
    struct ca_issue_spec spec = {
        .sans = &san, .n_sans = 1, .exts = &ext, .n_exts = 1};

    fixture_open(&f);
    fixture_cas(&f);
    spec.csr = csr = fixture_csr(&f, NULL, NULL);
    CHECK_OK(fixture_issue(&f, "issuing", &spec, &issued), &f.err);
    REQUIRE(issued.cert != NULL);
    text = fixture_ext(issued.cert, NID_certificate_policies);
    CHECK_CONTAINS(text, "Policy: 1.2.3.4");
    CHECK_CONTAINS(text, "CPS: https://example.com/cps");
    CHECK_CONTAINS(text, "Explicit Text: One, two");
    CHECK_CONTAINS(text, "X509v3 Any Policy");
    CHECK_INT(fixture_verify(&f, issued.cert, X509_PURPOSE_SSL_SERVER),
              X509_V_OK);
    ca_issued_clear(&issued);
    ca_csr_free(csr);
    fixture_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(policies_have_their_qualifiers),
    TEST_CASE(a_copied_purpose_counts_as_the_profiles),
    TEST_CASE(key_usage_is_cut_to_what_the_key_can_do),
    TEST_CASE(a_certificate_from_a_request_is_accepted),
    TEST_CASE(the_first_name_becomes_the_cn),
    TEST_CASE(an_empty_subject_makes_the_names_critical),
    TEST_CASE(a_request_cannot_make_itself_a_ca),
    TEST_CASE(what_is_listed_is_copied),
    TEST_CASE(a_cn_is_never_the_only_carrier_of_a_name),
    TEST_CASE(validity_counts_both_ends_and_has_its_limits),
    TEST_CASE(times_from_2050_are_generalized),
    TEST_CASE(a_ca_that_may_not_issue_does_not),
    TEST_CASE(a_key_that_is_not_the_certificates_is_refused),
    TEST_CASE(a_cas_key_is_not_certified_again),
    TEST_CASE(commands_cannot_set_what_is_the_cas),
    TEST_CASE(issuer_and_key_ids_are_the_cas_octet_for_octet),
    TEST_CASE(a_preview_records_nothing),
    TEST_CASE(the_digest_follows_the_signing_key),
};
TEST_MAIN("ca.issue", cases)
