/*
 * Rows of the audit log, and the clock that is checked against them.
 */
#include "audit.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define CLOCK_TOLERANCE 300 /* seconds that two hosts' clocks may differ */

time_t ca_now(const struct ca_env *env)
{
    return env->now != 0 ? env->now : time(NULL);
}

ks_rc ca_audit(const struct ca_env *env, const char *act, const char *object,
               const uint8_t digest[KS_HASH_LEN], struct ks_err *err)
{
    char actor[32];

    if (env->inv == NULL)
        return KS_OK;
    (void)snprintf(actor, sizeof(actor), "uid %lu", (unsigned long)getuid());
    return ks_audit_add(env->inv, ca_now(env),
                        env->actor != NULL ? env->actor : actor, act, object,
                        digest, err);
}

ks_rc ca_clock_check(const struct ca_env *env, struct ks_err *err)
{
    time_t last = 0;
    ks_rc rc = ks_audit_last_time(env->inv, &last, err);

    if (rc != KS_OK || ca_now(env) >= last - CLOCK_TOLERANCE)
        return rc;
    ks_hint(err, "set the clock; certificates with a wrong time cannot be "
                 "taken back");
    return ks_fail(err, KS_E_POLICY,
                   "the clock is %lld s behind the newest audit record",
                   (long long)(last - ca_now(env)));
}
