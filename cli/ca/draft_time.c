/*
 * The validity of a certificate in the making. RFC 5280, 4.1.2.5: both ends
 * are inside, so N seconds end N - 1 seconds after the first.
 */
#include "audit.h"
#include "draft.h"
#include "texts.h"

#include <stdio.h>
#include <time.h>

#include <openssl/asn1.h>

#define TIME_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define TIME_MIN INT64_C(-631152000)   /* 1950-01-01, UTCTime's first */

static void time_text(time_t when, char out[32])
{
    struct tm tm;

    if (gmtime_r(&when, &tm) == NULL ||
        strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        (void)snprintf(out, 32, "?");
}

static bool seconds_of(const ASN1_TIME *time, time_t *out)
{
    struct tm tm = {0};

    if (ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    *out = timegm(&tm);
    return true;
}

bool ca_window_of(const X509 *cert, struct ca_window *window)
{
    return seconds_of(X509_get0_notBefore(cert), &window->not_before) &&
           seconds_of(X509_get0_notAfter(cert), &window->not_after);
}

static ks_rc check_start(time_t now, const struct ca_window *issuer,
                         const struct ca_draft *draft, struct ks_err *err)
{
    char text[32], limit[32];

    time_text(draft->not_before, text);
    if (draft->not_before < now - CA_BACKDATE_MAX)
        return ks_fail(err, KS_E_POLICY,
                       "backdated by more than 48 hours, to %s", text);
    if (issuer->not_after != 0 && draft->not_before < issuer->not_before) {
        time_text(issuer->not_before, limit);
        return ks_fail(err, KS_E_POLICY,
                       "it would begin at %s, before its CA does (%s)", text,
                       limit);
    }
    return KS_OK;
}

static ks_rc check_end(time_t now, const struct ca_window *issuer, bool clamp,
                       struct ca_draft *draft, struct ks_err *err)
{
    char text[32], limit[32];

    time_text(draft->not_after, text);
    if (draft->not_after < draft->not_before)
        return ks_fail(err, KS_E_INVALID, "it would end before it begins, %s",
                       text);
    if (issuer->not_after != 0 && draft->not_before > issuer->not_after)
        return ks_fail(err, KS_E_POLICY,
                       "it would begin after its CA has ended");
    if (draft->not_after > TIME_MAX || draft->not_before < TIME_MIN)
        return ks_fail(err, KS_E_INVALID,
                       "it would end after the year 9999, or begin before "
                       "1950");
    if (issuer->not_after != 0 && draft->not_after > issuer->not_after) {
        time_text(issuer->not_after, limit);
        if (!clamp) {
            ks_hint(err, "--clamp ends it together with the CA");
            return ks_fail(err, KS_E_POLICY,
                           "it would end at %s, outliving its CA (%s)", text,
                           limit);
        }
        draft->not_after = issuer->not_after;
        if (ca_strings_add(&draft->notes,
                           "ends with its CA, at %s instead of %s", limit,
                           text) != KS_OK)
            return ca_nomem(err);
    }
    if (draft->not_after < now)
        return ks_fail(err, KS_E_POLICY, "it would be over already, at %s",
                       text);
    return KS_OK;
}

ks_rc ca_draft_validity(const struct ca_env *env,
                        const struct ca_validity *validity,
                        int64_t default_seconds, const struct ca_window *issuer,
                        bool clamp, struct ca_draft *draft, struct ks_err *err)
{
    time_t now = ca_now(env);
    int64_t seconds =
        validity->seconds != 0 ? validity->seconds : default_seconds;
    ks_rc rc;

    draft->not_before = validity->not_before != 0 ? validity->not_before : now;
    if (validity->not_after != 0)
        draft->not_after = validity->not_after;
    else if (seconds < 1 || seconds > TIME_MAX)
        return ks_fail(err, KS_E_INVALID, "a validity of %lld seconds",
                       (long long)seconds);
    else
        draft->not_after = draft->not_before + seconds - 1;
    rc = check_start(now, issuer, draft, err);
    if (rc == KS_OK)
        rc = check_end(now, issuer, clamp, draft, err);
    if (rc != KS_OK)
        return rc;
    /* UTCTime through 2049, then GeneralizedTime: ASN1_TIME_set does it */
    if (ASN1_TIME_set(X509_getm_notBefore(draft->cert), draft->not_before) ==
            NULL ||
        ASN1_TIME_set(X509_getm_notAfter(draft->cert), draft->not_after) ==
            NULL)
        return ca_nomem(err);
    return KS_OK;
}
