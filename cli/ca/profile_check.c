/*
 * What a profile's extensions say together: whether it is one for CAs, and
 * whether it says both.
 */
#include "ext.h"
#include "profile.h"

#include <string.h>

#include <openssl/objects.h>
#include <openssl/x509v3.h>

static bool key_usage_signs_certs(const struct ca_profile_full *full)
{
    ASN1_BIT_STRING *usage =
        X509V3_get_d2i(full->built, NID_key_usage, NULL, NULL);
    bool signs = usage != NULL && ASN1_BIT_STRING_get_bit(usage, 5) == 1;

    ASN1_BIT_STRING_free(usage);
    return signs;
}

bool ca_exts_have_purpose(const STACK_OF(X509_EXTENSION) * exts, int purpose)
{
    EXTENDED_KEY_USAGE *usage =
        X509V3_get_d2i(exts, NID_ext_key_usage, NULL, NULL);
    bool found = false;

    for (int i = 0; i < sk_ASN1_OBJECT_num(usage); i++)
        found |= OBJ_obj2nid(sk_ASN1_OBJECT_value(usage, i)) == purpose;
    EXTENDED_KEY_USAGE_free(usage);
    return found;
}

/* libcrypto takes these for CAs, too; bits 5 to 7. */
static bool is_netscape_ca(const struct ca_profile_full *full)
{
    ASN1_BIT_STRING *type =
        X509V3_get_d2i(full->built, NID_netscape_cert_type, NULL, NULL);
    bool ca = false;

    for (int bit = 5; type != NULL && bit <= 7; bit++)
        ca = ca || ASN1_BIT_STRING_get_bit(type, bit) == 1;
    ASN1_BIT_STRING_free(type);
    return ca;
}

static bool is_ca_row(const struct ca_profile_row *row)
{
    for (const struct ca_ext *ext = row->exts; ext->name != NULL; ext++) {
        if (strcmp(ext->name, "basicConstraints") == 0)
            return true;
    }
    return false;
}

static void note_ca(struct ca_profile_full *full)
{
    BASIC_CONSTRAINTS *constraints =
        X509V3_get_d2i(full->built, NID_basic_constraints, NULL, NULL);

    full->show.is_ca = constraints != NULL && constraints->ca != 0;
    full->has_pathlen = constraints != NULL && constraints->pathlen != NULL;
    BASIC_CONSTRAINTS_free(constraints);
    full->is_server = ca_exts_have_purpose(full->built, NID_server_auth);
}

/* RFC 5280, 4.2.1.3, 4.2.1.9, 4.2.1.10; and a CA that may sign OCSP responses
 * for its own issuer (found in many CAs in 2020) is never wanted. */
ks_rc ca_profile_check(struct ca_profile_full *full,
                       const struct ca_profile_row *row, struct ks_err *err)
{
    note_ca(full);
    if (row != NULL && full->show.is_ca != is_ca_row(row))
        return ks_fail(err, KS_E_CONFIG,
                       "basicConstraints: CA:%s in a profile built in for the "
                       "opposite; give yours another name",
                       full->show.is_ca ? "TRUE" : "FALSE");
    if (!full->show.is_ca && full->has_pathlen)
        return ks_fail(err, KS_E_CONFIG,
                       "basicConstraints: pathlen without CA:TRUE");
    if (!full->show.is_ca && is_netscape_ca(full))
        return ks_fail(err, KS_E_CONFIG, "nsCertType: a CA without CA:TRUE");
    if (!full->show.is_ca && key_usage_signs_certs(full))
        return ks_fail(err, KS_E_CONFIG,
                       "keyUsage: keyCertSign without CA:TRUE");
    if (!full->show.is_ca &&
        ca_ext_get(full->built, NID_name_constraints) != NULL)
        return ks_fail(err, KS_E_CONFIG, "nameConstraints without CA:TRUE");
    if (full->show.is_ca && !key_usage_signs_certs(full))
        return ks_fail(err, KS_E_CONFIG, "keyUsage: a CA without keyCertSign");
    if (full->show.is_ca && ca_exts_have_purpose(full->built, NID_OCSP_sign))
        return ks_fail(err, KS_E_CONFIG,
                       "extendedKeyUsage: a CA with OCSPSigning could answer "
                       "for its own issuer");
    if (ca_exts_have_purpose(full->built, NID_anyExtendedKeyUsage))
        return ks_fail(err, KS_E_CONFIG,
                       "extendedKeyUsage: anyExtendedKeyUsage is not allowed");
    return KS_OK;
}

long ca_profile_path_len(const struct ca_profile_full *profile)
{
    BASIC_CONSTRAINTS *constraints =
        X509V3_get_d2i(profile->built, NID_basic_constraints, NULL, NULL);
    long len = -1;

    if (constraints != NULL && constraints->pathlen != NULL)
        len = ASN1_INTEGER_get(constraints->pathlen);
    BASIC_CONSTRAINTS_free(constraints);
    return len;
}
