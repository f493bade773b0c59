/*
 * Subject alternative names and name constraints from text and back.
 */
#include "san.h"

#include <string.h>

#include <openssl/crypto.h>

#include "test.h"

static void round_trip(const char *text, const char *want)
{
    struct ks_err err = {0};
    GENERAL_NAME *name = NULL;
    char *back;

    CHECK_OK(ca_san_parse(text, &name, &err), &err);
    REQUIRE(name != NULL);
    back = ca_san_text(name);
    CHECK_STR(back, want);
    OPENSSL_free(back);
    GENERAL_NAME_free(name);
}

static void names_are_typed_by_prefix(void)
{
    round_trip("dns:www.example.com", "dns:www.example.com");
    round_trip("DNS:www.example.com", "dns:www.example.com");
    round_trip("dns:*.example.com", "dns:*.example.com");
    round_trip("dns:localhost", "dns:localhost");
    round_trip("ip:192.0.2.7", "ip:192.0.2.7");
    round_trip("ip:2001:DB8::1", "ip:2001:db8::1");
    round_trip("email:a.b+c@example.com", "email:a.b+c@example.com");
    round_trip("uri:https://example.com/x?y=%20",
               "uri:https://example.com/x?y=%20");
    round_trip("uri:urn:uuid:1-2", "uri:urn:uuid:1-2");
    round_trip("rid:1.2.3.4", "rid:1.2.3.4");
    round_trip("dirname:CN=x,O=y", "dirname:CN=x,O=y");
    round_trip("other:1.3.6.1.4.1.311.20.2.3;UTF8:u@x",
               "other:1.3.6.1.4.1.311.20.2.3;UTF8:u@x");
    round_trip("other:1.2.3;UTF8:\xc3\xbc@x", "other:1.2.3;UTF8:\xc3\xbc@x");
}

static void names_are_typed_by_their_looks(void)
{
    round_trip("www.example.com", "dns:www.example.com");
    round_trip("192.0.2.7", "ip:192.0.2.7");
    round_trip("::1", "ip:::1");
    round_trip("a@example.com", "email:a@example.com");
    round_trip("spiffe://example.com/x", "uri:spiffe://example.com/x");
}

static void international_names_become_a_labels(void)
{
    round_trip("b\xc3\xbc"
               "cher.example",
               "dns:xn--bcher-kva.example");
    round_trip("*.b\xc3\xbc"
               "cher.example",
               "dns:*.xn--bcher-kva.example");
    round_trip("a@b\xc3\xbc"
               "cher.example",
               "email:a@xn--bcher-kva.example");
}

static void bad_names_are_refused(void)
{
    static const char *const bad[] = {"",
                                      "dns:",
                                      "ip:",
                                      "email:",
                                      "uri:",
                                      "rid:",
                                      "other:",
                                      "dirname:",
                                      "dns:a_b.example.com",
                                      "dns:.example.com",
                                      "dns:example.com.",
                                      "dns:a..b",
                                      "dns:-a.example",
                                      "dns:a-.example",
                                      "dns:*",
                                      "dns:*.com",
                                      "dns:www.*.com",
                                      "dns:w*.example.com",
                                      "dns:*.*.example.com",
                                      "dns:a b.example",
                                      "dns:a\nb.example",
                                      "dns:192.0.2.7",
                                      "dns:1.2.3.256",
                                      "dns:exa\xff.example",
                                      "dns:a@b.example",
                                      "dns:http://x",
                                      "192.0.2.256",
                                      "ip:192.0.2",
                                      "ip:192.0.2.7/24",
                                      "ip:192.0.2.07x",
                                      "ip:::g",
                                      "ip:1::2::3",
                                      "email:a",
                                      "email:@b.example",
                                      "email:a@",
                                      "email:a@b_c.example",
                                      "email:a..b@c.example",
                                      "email:.a@c.example",
                                      "email:a b@c.example",
                                      "email:b\xc3\xbc@c.example",
                                      "email:a@*.example.com",
                                      "email:a@b@c.example",
                                      "uri:www.example.com",
                                      "uri:http:",
                                      "uri:http://exa mple",
                                      "uri:1http://x",
                                      "uri:http://b\xc3\xbc",
                                      "rid:x",
                                      "rid:1",
                                      "rid:9.9.9",
                                      "rid:commonName",
                                      "other:1.2.3",
                                      "other:1.2.3;x",
                                      "other:1.2.3;UTF8:\xff",
                                      "other:1.2.3;SEQUENCE:x",
                                      "other:x;UTF8:y",
                                      "other:1.2.3;EXPLICIT:1,UTF8:y",
                                      "dirname:x",
                                      "dirname:CN="};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ks_err err = {0};
        GENERAL_NAME *name = NULL;

        if (!CHECK_RC(ca_san_parse(bad[i], &name, &err), KS_E_INVALID))
            CHECK_STR(bad[i], "refused");
        CHECK(name == NULL);
        CHECK(err.text[0] != '\0');
    }
}

static void labels_and_names_have_their_limits(void)
{
    char text[300];
    struct ks_err err = {0};
    GENERAL_NAME *name = NULL;

    memset(text, 'a', sizeof(text));
    text[63] = '.';
    text[127] = '.';
    text[191] = '.';
    text[253] = '\0';
    CHECK_OK(ca_san_parse(text, &name, &err), &err);
    GENERAL_NAME_free(name);
    text[253] = 'a';
    text[254] = '\0';
    CHECK_RC(ca_san_parse(text, &name, &err), KS_E_INVALID);
    text[64] = '\0';
    text[63] = 'a';
    CHECK_RC(ca_san_parse(text, &name, &err), KS_E_INVALID);
}

static void constraint(const char *text, const char *want)
{
    struct ks_err err = {0};
    GENERAL_NAME *name = NULL;
    char *back;

    CHECK_OK(ca_constraint_parse(text, &name, &err), &err);
    REQUIRE(name != NULL);
    back = ca_san_text(name);
    CHECK_STR(back, want);
    OPENSSL_free(back);
    GENERAL_NAME_free(name);
}

/* RFC 5280, 4.2.1.10: an address and its mask, 8 or 32 octets. */
static void constraints_are_domains_and_networks(void)
{
    struct ks_err err = {0};
    GENERAL_NAME *name = NULL;

    constraint("dns:example.com", "dns:example.com");
    constraint("dns:.example.com", "dns:example.com");
    constraint("ip:10.0.0.0/8", "ip:10.0.0.0/8");
    constraint("10.0.0.0/255.0.0.0", "ip:10.0.0.0/8");
    constraint("ip:0.0.0.0/0", "ip:0.0.0.0/0");
    constraint("ip:2001:db8::/32", "ip:2001:db8::/32");
    constraint("email:example.com", "email:example.com");
    constraint("email:.example.com", "email:.example.com");
    constraint("email:a@example.com", "email:a@example.com");
    constraint("uri:.example.com", "uri:.example.com");
    CHECK_OK(ca_constraint_parse("10.0.0.0/8", &name, &err), &err);
    CHECK_INT(ASN1_STRING_length(name->d.iPAddress), 8);
    GENERAL_NAME_free(name);
    CHECK_OK(ca_constraint_parse("fd00::/8", &name, &err), &err);
    CHECK_INT(ASN1_STRING_length(name->d.iPAddress), 32);
    GENERAL_NAME_free(name);
}

static void bad_constraints_are_refused(void)
{
    static const char *const bad[] = {
        "ip:10.0.0.0",        "ip:10.0.0.1/8",         "ip:10.0.0.0/33",
        "ip:10.0.0.0/-1",     "ip:10.0.0.0/x",         "ip:10.0.0.0/",
        "ip:::1/129",         "dns:*.example.com",     "rid:1.2.3",
        "other:1.2.3;UTF8:x", "uri:http://x.example/y"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ks_err err = {0};
        GENERAL_NAME *name = NULL;

        CHECK_RC(ca_constraint_parse(bad[i], &name, &err), KS_E_INVALID);
        CHECK(err.text[0] != '\0');
    }
}

static const struct test_case cases[] = {
    TEST_CASE(names_are_typed_by_prefix),
    TEST_CASE(names_are_typed_by_their_looks),
    TEST_CASE(international_names_become_a_labels),
    TEST_CASE(bad_names_are_refused),
    TEST_CASE(labels_and_names_have_their_limits),
    TEST_CASE(constraints_are_domains_and_networks),
    TEST_CASE(bad_constraints_are_refused),
};
TEST_MAIN("ca.san", cases)
