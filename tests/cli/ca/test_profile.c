/*
 * Profiles: built in, changed, added; mistakes found on loading.
 */
#include "fixture.h"

#include <string.h>

static ks_rc load(struct fixture *f, const char *name, struct ca_profile **out)
{
    memset(&f->err, 0, sizeof(f->err));
    return ca_profile_find(&f->env, name, out, &f->err);
}

static ks_rc count(void *arg, const struct ca_profile *profile,
                   struct ks_err *err)
{
    (void)err;
    CHECK(profile->seconds > 0 && profile->n_exts > 0);
    CHECK(profile->is_ca == (strcmp(profile->name, "ca") == 0));
    ++*(int *)arg;
    return KS_OK;
}

static void the_built_in_ones_are_good(void)
{
    struct fixture f = {0};
    int n = 0;

    CHECK_OK(ca_profile_each(&f.env, count, &n, &f.err), &f.err);
    CHECK_INT(n, 8);
}

static void a_section_changes_a_built_in_one(void)
{
    struct fixture f = {0};
    struct ca_profile *before = NULL, *after = NULL;

    CHECK_OK(load(&f, "server", &before), &f.err);
    CHECK(before->built_in);
    fixture_config(&f, "[profile server]\ndays = 30\n"
                       "extendedKeyUsage = serverAuth, clientAuth\n"
                       "[profile printer]\nbased_on = server\n"
                       "copy = subjectAltName, subject\n");
    CHECK_OK(load(&f, "server", &after), &f.err);
    CHECK(!after->built_in);
    CHECK_INT(after->seconds, 30 * 86400);
    CHECK_INT(after->n_exts, 2);
    CHECK(memcmp(before->hash, after->hash, KS_HASH_LEN) != 0);
    ca_profile_free(before);
    ca_profile_free(after);
    CHECK_OK(load(&f, "printer", &after), &f.err);
    CHECK_STR(after->name, "printer");
    CHECK_INT(after->seconds, 30 * 86400);
    CHECK_INT(after->n_copy, 2);
    ca_profile_free(after);
    fixture_close(&f);
}

static void an_unknown_one_is_not_found_and_lists_those_there_are(void)
{
    struct fixture f = {0};
    struct ca_profile *profile = NULL;

    CHECK_RC(load(&f, "nonesuch", &profile), KS_E_NOT_FOUND);
    CHECK_CONTAINS(f.err.text, "nonesuch");
    CHECK_CONTAINS(f.err.hint, "timestamp");
    ca_profile_free(NULL);
}

static void mistakes_name_section_and_key(void)
{
    static const struct {
        const char *body;
        const char *why;
    } bad[] = {
        {"days = 0\n", "days"},
        {"days = 99999999\n", "days"},
        {"keyUsage = nonsense\n", "keyUsage"},
        {"keyUsage = keyCertSign\n", "keyCertSign without CA:TRUE"},
        {"extendedKeyUsage = anyExtendedKeyUsage\n", "anyExtendedKeyUsage"},
        {"extendedKeyUsage = nonsense\n", "extendedKeyUsage"},
        {"extendedKeyUsage = @section\n", "extendedKeyUsage"},
        {"basicConstraints = critical, CA:TRUE\n", "keyCertSign"},
        {"basicConstraints = critical, CA:TRUE\nkeyUsage = keyCertSign\n"
         "extendedKeyUsage = OCSPSigning\n",
         "OCSPSigning"},
        {"subjectAltName = DNS:x.example\n", "subjectAltName"},
        {"subjectKeyIdentifier = hash\n", "itself"},
        {"authorityKeyIdentifier = keyid\n", "itself"},
        {"nameConstraints = \"permitted;DNS:x.example\"\n", "nameConstraints"},
        {"based_on = nonesuch\n", "based_on"},
        {"based_on = bad\n", "circle"},
        {"subject = nonsense\n", "subject"},
        {"basicConstraints = CA:FALSE, pathlen:0\n", "pathlen"},
        {"keyUsage = DER:0500\n", "keyUsage"},
        {"certificatePolicies = 1.2.3 cps=nonsense\n", "URI"},
        {"certificatePolicies = 1.2.3 cps=\n", "certificatePolicies"},
        {"certificatePolicies = 1.2.3 notice=\n", "certificatePolicies"},
        {"certificatePolicies = 1.2.3 notice=x, 1.2.3\n", "twice"},
        {"certificatePolicies = 1.2.3 notice=x, y\n", "OID"},
        {"certificatePolicies = 1.2.3 notice=x, 1.2.4 y\n", "cps=URI"},
        {"nsCertType = sslCA\n", "nsCertType"},
        {"keyUsage = DER:03020204\n", "keyCertSign"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fixture f = {0};
        struct ca_profile *profile = NULL;
        char text[300] = "[profile bad]\n";

        (void)strcat(text, bad[i].body);
        fixture_config(&f, text);
        CHECK_RC(load(&f, "bad", &profile), KS_E_CONFIG);
        CHECK_CONTAINS(f.err.text, "[profile bad]");
        CHECK_CONTAINS(f.err.text, bad[i].why);
        CHECK(profile == NULL);
        fixture_close(&f);
    }
}

static void a_built_in_one_does_not_become_one_for_cas(void)
{
    static const char *const bad[] = {
        "[profile server]\nbasicConstraints = critical, CA:TRUE\n"
        "keyUsage = critical, keyCertSign\n",
        "[profile ca]\nbasicConstraints = CA:FALSE\n"
        "keyUsage = digitalSignature\n",
    };
    static const char *const names[] = {"server", "ca"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fixture f = {0};
        struct ca_profile *profile = NULL;

        fixture_config(&f, bad[i]);
        CHECK_RC(load(&f, names[i], &profile), KS_E_CONFIG);
        CHECK_CONTAINS(f.err.text, "another name");
        fixture_close(&f);
    }
}

static const struct test_case cases[] = {
    TEST_CASE(a_built_in_one_does_not_become_one_for_cas),
    TEST_CASE(the_built_in_ones_are_good),
    TEST_CASE(a_section_changes_a_built_in_one),
    TEST_CASE(an_unknown_one_is_not_found_and_lists_those_there_are),
    TEST_CASE(mistakes_name_section_and_key),
};
TEST_MAIN("ca.profile", cases)
