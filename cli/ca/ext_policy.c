/*
 * certificatePolicies with qualifiers, RFC 5280, 4.2.1.4. libcrypto's value
 * strings put these into sections of their own, which caadm.conf and a command
 * line do not have; here they follow the policy:
 *   1.2.3.4 cps=https://example.com/cps notice=Text\, to the end, 2.5.29.32.0
 */
#include "ext.h"
#include "texts.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#define NOTICE_MAX 200 /* characters of an explicitText */
#define CRITICAL "critical,"

bool ca_ext_has_qualifiers(const char *value)
{
    return strstr(value, " cps=") != NULL || strstr(value, " notice=") != NULL;
}

static char *skip_blanks(char *text)
{
    return text + strspn(text, " \t");
}

/* Cuts TEXT at its first blank; returns what follows. */
static char *cut_word(char *text)
{
    char *end = text + strcspn(text, " \t");

    if (*end != '\0')
        *end++ = '\0';
    return skip_blanks(end);
}

/* Cuts TEXT at its first comma that no backslash precedes, and takes out the
 * backslashes that do; returns what follows, NULL: nothing. */
static char *cut_policy(char *text)
{
    char *out = text;

    for (; *text != '\0'; text++) {
        if (text[0] == '\\' && text[1] == ',')
            text++;
        else if (*text == ',') {
            *out = '\0';
            return text + 1;
        }
        *out++ = *text;
    }
    *out = '\0';
    return NULL;
}

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~')
            return false;
    }
    return true;
}

static const char *set_cps(POLICYQUALINFO *qualifier, const char *uri)
{
    if (!is_ascii(uri) || strstr(uri, "://") == NULL)
        return "cps= takes a URI";
    qualifier->pqualid = OBJ_nid2obj(NID_id_qt_cps);
    qualifier->d.cpsuri = ASN1_IA5STRING_new();
    return qualifier->d.cpsuri != NULL &&
                   ASN1_STRING_set(qualifier->d.cpsuri, uri, -1) == 1
               ? NULL
               : "out of memory";
}

static const char *set_notice(POLICYQUALINFO *qualifier, const char *text)
{
    ASN1_STRING *string = NULL;
    USERNOTICE *notice = USERNOTICE_new();

    qualifier->pqualid = OBJ_nid2obj(NID_id_qt_unotice);
    qualifier->d.usernotice = notice; /* freed with it */
    if (notice == NULL)
        return "out of memory";
    /* checks that it is UTF-8, and its length in characters */
    if (ASN1_mbstring_ncopy(&string, (const unsigned char *)text, -1,
                            MBSTRING_UTF8, B_ASN1_UTF8STRING, 1,
                            NOTICE_MAX) < 0)
        return "notice= takes 1 to 200 characters of UTF-8";
    notice->exptext = string;
    return NULL;
}

/* Takes the next qualifier off *REST. */
static const char *add_qualifier(POLICYINFO *policy, char **rest)
{
    POLICYQUALINFO *qualifier = POLICYQUALINFO_new();
    char *at = *rest;
    const char *fault;

    if (policy->qualifiers == NULL)
        policy->qualifiers = sk_POLICYQUALINFO_new_null();
    if (qualifier == NULL || policy->qualifiers == NULL ||
        sk_POLICYQUALINFO_push(policy->qualifiers, qualifier) <= 0) {
        POLICYQUALINFO_free(qualifier);
        return "out of memory";
    }
    if (strncmp(at, "cps=", 4) == 0) {
        *rest = cut_word(at);
        fault = set_cps(qualifier, at + 4);
    } else if (strncmp(at, "notice=", 7) == 0) {
        *rest = at + strlen(at);
        fault = set_notice(qualifier, at + 7);
    } else {
        fault = "a policy's qualifiers are cps=URI and notice=TEXT";
    }
    return fault;
}

static const char *add_policy(CERTIFICATEPOLICIES *policies, char *text)
{
    POLICYINFO *policy = POLICYINFO_new();
    char *rest = cut_word(text = skip_blanks(text));
    const char *fault = NULL;

    if (policy == NULL || sk_POLICYINFO_push(policies, policy) <= 0) {
        POLICYINFO_free(policy);
        return "out of memory";
    }
    policy->policyid = OBJ_txt2obj(text, 0);
    if (policy->policyid == NULL)
        return "not a policy's OID";
    for (int i = 0; i < sk_POLICYINFO_num(policies) - 1; i++) {
        if (OBJ_cmp(sk_POLICYINFO_value(policies, i)->policyid,
                    policy->policyid) == 0)
            return "a policy is in it twice";
    }
    while (fault == NULL && *rest != '\0')
        fault = add_qualifier(policy, &rest);
    return fault;
}

const char *ca_ext_policies(const char *value, X509_EXTENSION **out)
{
    bool critical = strncmp(value, CRITICAL, strlen(CRITICAL)) == 0;
    char *text = OPENSSL_strdup(value + (critical ? strlen(CRITICAL) : 0));
    CERTIFICATEPOLICIES *policies = CERTIFICATEPOLICIES_new();
    const char *fault =
        text == NULL || policies == NULL ? "out of memory" : NULL;
    char *at = text;

    *out = NULL;
    (void)ERR_set_mark();
    while (fault == NULL && at != NULL) {
        char *next = cut_policy(at);

        fault = add_policy(policies, at);
        at = next;
    }
    if (fault == NULL) {
        *out = ca_ext_encode(NID_certificate_policies, critical, policies);
        fault = *out != NULL ? NULL : "out of memory";
    }
    (void)ERR_pop_to_mark();
    CERTIFICATEPOLICIES_free(policies);
    OPENSSL_free(text);
    return fault;
}
