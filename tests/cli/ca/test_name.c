/*
 * Distinguished names from text and back.
 */
#include "ca.h"

#include <stdio.h>
#include <string.h>

#include <openssl/objects.h>

#include "test.h"

/* TEXT parsed and written again. */
static void round_trip(const char *text, const char *want)
{
    struct ks_err err = {0};
    X509_NAME *name = NULL;
    char *back;

    CHECK_OK(ca_name_parse(text, &name, &err), &err);
    REQUIRE(name != NULL);
    back = ca_name_text(name);
    CHECK_STR(back, want);
    OPENSSL_free(back);
    X509_NAME_free(name);
}

static void names_keep_their_order_and_come_back(void)
{
    round_trip("CN=Example Root CA,O=Example", "CN=Example Root CA,O=Example");
    round_trip("C=SE, O=Example ,CN=www", "C=SE,O=Example,CN=www");
    round_trip("DC=com,DC=example,OU=a,OU=b,CN=x",
               "DC=com,DC=example,OU=a,OU=b,CN=x");
    round_trip("cn=a+O=b,ou=c", "CN=a+O=b,OU=c");
    round_trip("CN=a\\,b\\+c\\\\d\\\"", "CN=a\\,b\\+c\\\\d\\\"");
    round_trip("CN=\\ a\\ ", "CN=\\ a\\ ");
    round_trip("CN=B\xc3\xbc"
               "cher",
               "CN=B\xc3\xbc"
               "cher");
    round_trip("CN=\\42\\c3\\bc", "CN=B\xc3\xbc");
    round_trip("CN=x,email=a@b.example", "CN=x,emailAddress=a@b.example");
    round_trip("1.2.3.4=x,CN=y", "1.2.3.4=x,CN=y");
    round_trip("CN=a=b", "CN=a=b");
    round_trip("SN=Smith,serialNumber=7,CN=x", "SN=Smith,serialNumber=7,CN=x");
}

static int type_of(const char *text, int nid)
{
    struct ks_err err = {0};
    X509_NAME *name = NULL;
    int type = -1, at;

    CHECK_OK(ca_name_parse(text, &name, &err), &err);
    at = X509_NAME_get_index_by_NID(name, nid, -1);
    if (at >= 0)
        type = ASN1_STRING_type(
            X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    X509_NAME_free(name);
    return type;
}

static void string_types_are_those_of_rfc_5280(void)
{
    static const char text[] =
        "C=SE,serialNumber=12,DC=example,emailAddress=a@b.c,CN=x";

    CHECK_INT(type_of(text, NID_countryName), V_ASN1_PRINTABLESTRING);
    CHECK_INT(type_of(text, NID_serialNumber), V_ASN1_PRINTABLESTRING);
    CHECK_INT(type_of(text, NID_domainComponent), V_ASN1_IA5STRING);
    CHECK_INT(type_of(text, NID_pkcs9_emailAddress), V_ASN1_IA5STRING);
    CHECK_INT(type_of(text, NID_commonName), V_ASN1_UTF8STRING);
}

static void bad_names_are_refused_with_a_reason(void)
{
    static const struct {
        const char *text;
        const char *why;
    } bad[] = {
        {"", "TYPE="},
        {"/CN=x/O=y", "slash"},
        {"x", "TYPE="},
        {"=x", "TYPE="},
        {"CN=", "empty"},
        {"CN=x,", "TYPE="},
        {"CN=x,,O=y", "TYPE="},
        {"CN=x,CN=y", "CN: given twice"},
        {"C=SE,C=NO", "C: given twice"},
        {"Foo=x", "Foo: unknown attribute"},
        {"C=sweden", "two capital letters"},
        {"C=se", "two capital letters"},
        {"CN=a\"b", "unescaped"},
        {"CN=a;b", "unescaped"},
        {"CN=a<b", "unescaped"},
        {"CN=#04024869", "notation"},
        {"CN=a\\", "escape"},
        {"CN=a\\xb", "escape"},
        {"CN=a\nb", "control"},
        {"CN=a\\0ab", "control"},
        {"CN=a\\00b", "control"},
        {"CN=\xff\xfe", "CN="},
        {"emailAddress=b\xc3\xbc@x.example", "emailAddress="},
        {"serialNumber=\xc3\xbc", "serialNumber="},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ks_err err = {0};
        X509_NAME *name = NULL;

        CHECK_RC(ca_name_parse(bad[i].text, &name, &err), KS_E_INVALID);
        CHECK(name == NULL);
        CHECK_CONTAINS(err.text, bad[i].why);
    }
}

static void a_cn_has_at_most_64_characters(void)
{
    char text[80] = "CN=";
    struct ks_err err = {0};
    X509_NAME *name = NULL;

    memset(text + 3, 'a', 64);
    text[67] = '\0';
    CHECK_OK(ca_name_parse(text, &name, &err), &err);
    X509_NAME_free(name);
    text[67] = 'a';
    text[68] = '\0';
    CHECK_RC(ca_name_parse(text, &name, &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "too long");
}

static void very_long_input_is_refused(void)
{
    static char text[300000];
    struct ks_err err = {0};
    X509_NAME *name = NULL;

    memset(text, 'a', sizeof(text) - 1);
    memcpy(text, "O=", 2);
    CHECK_RC(ca_name_parse(text, &name, &err), KS_E_INVALID);
    for (size_t i = 0; i + 5 < sizeof(text); i += 5)
        memcpy(text + i, "OU=a,", 5);
    CHECK_RC(ca_name_parse(text, &name, &err), KS_E_INVALID);
}

static const struct test_case cases[] = {
    TEST_CASE(names_keep_their_order_and_come_back),
    TEST_CASE(string_types_are_those_of_rfc_5280),
    TEST_CASE(bad_names_are_refused_with_a_reason),
    TEST_CASE(a_cn_has_at_most_64_characters),
    TEST_CASE(very_long_input_is_refused),
};
TEST_MAIN("ca.name", cases)
