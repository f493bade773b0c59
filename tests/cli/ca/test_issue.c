/*
 * Issuing one certificate: what it says, and what is refused.
 */
#include "fixture.h"

#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

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

static const struct test_case cases[] = {
    TEST_CASE(a_certificate_from_a_request_is_accepted),
};
TEST_MAIN("ca.issue", cases)
