/*
 * A token takes any number of objects of one name, and has no lock for those
 * who would like just one. So whoever has made a key looks again: who sees
 * another's beside its own removes its own, waits a random time, and starts
 * anew. Of two that both keep their keys the one that looked later would have
 * seen the other's; and the last that is left sees nobody.
 */
#include "create.h"

#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "public.h"
#include "turn.h"

#define ID_LEN 16       /* bytes of an id that we choose */
#define TRIES 12        /* with a wait up to 5 ms that doubles each time */
#define SAME_NAME_MAX 8 /* objects of the name that are looked at */

/* SoftHSM 2.6.1 sometimes fails without a reason where another process reads
 * the file of the object that is just being written. */
#define RUNS 5                 /* of one try */
#define RUN_PAUSE_NS 10000000L /* the first wait; each is twice the last */

enum outcome {
    FAILED,
    MADE,
    LABEL_TAKEN,
    ID_TAKEN,
    COLLIDED,
    LEAKY,  /* the token has made a private half that may leave it */
    CHANGED /* the token says that it has another key than it was given */
};

struct creation {
    const struct hsm_plan *plan;
    const uint8_t *given_id; /* NULL: the id is ours and new */
    hsm_maker *maker;
    void *arg;
    struct ks_buf spki;
    enum outcome outcome;
    bool dirty; /* an earlier run of the task may have left the pair */
};

bool hsm_is_about_template(CK_RV rv)
{
    return rv == CKR_ATTRIBUTE_TYPE_INVALID ||
           rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_ATTRIBUTE_READ_ONLY ||
           rv == CKR_TEMPLATE_INCONSISTENT;
}

void hsm_pair_destroy(const struct hsm_session *session, struct hsm_pair *pair)
{
    hsm_token_change_begin(session->token);
    if (pair->private != CK_INVALID_HANDLE)
        (void)session->f->C_DestroyObject(session->handle, pair->private);
    if (pair->public != CK_INVALID_HANDLE)
        (void)session->f->C_DestroyObject(session->handle, pair->public);
    hsm_token_change_end(session->token);
    *pair = (struct hsm_pair){CK_INVALID_HANDLE, CK_INVALID_HANDLE};
}

/* Whether an object that QUERY matches is a key (or with CERTS a certificate),
 * and none of PAIR. */
static CK_RV is_taken(const struct hsm_session *session,
                      const struct hsm_query *query, bool certs,
                      const struct hsm_pair *pair, bool *taken)
{
    CK_OBJECT_HANDLE found[SAME_NAME_MAX];
    size_t n = 0;
    CK_RV rv = hsm_find(session, query, found, SAME_NAME_MAX, &n);

    *taken = rv == CKR_OK && n > SAME_NAME_MAX;
    for (size_t i = 0; rv == CKR_OK && !*taken && i < n; i++) {
        CK_ULONG class = 0;

        if (found[i] == pair->private || found[i] == pair->public)
            continue;
        rv = hsm_attribute_ulong(session, found[i], CKA_CLASS, &class);
        *taken = rv == CKR_OK &&
                 (class == CKO_PRIVATE_KEY || class == CKO_PUBLIC_KEY ||
                  (certs && class == CKO_CERTIFICATE));
        if (rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_ATTRIBUTE_TYPE_INVALID)
            rv = CKR_OK; /* removed at this moment */
    }
    return rv;
}

/* Whether somebody else's key has the name. */
static CK_RV look(const struct hsm_session *session,
                  const struct creation *creation, const struct hsm_pair *pair,
                  enum outcome *outcome)
{
    const struct hsm_name *name = creation->plan->name;
    const struct hsm_query by_label = {.label = name->label};
    const struct hsm_query by_id = {.id = name->id, .id_len = name->id_len};
    bool taken = false;
    CK_RV rv = CKR_OK;

    if (name->label[0] != '\0')
        rv = is_taken(session, &by_label, false, pair, &taken);
    if (taken)
        *outcome = LABEL_TAKEN;
    if (rv != CKR_OK || taken || creation->given_id == NULL)
        return rv;
    rv = is_taken(session, &by_id, true, pair, &taken);
    if (taken)
        *outcome = ID_TAKEN;
    return rv;
}

/* What the token says of the key it has made. */
static CK_RV inspect(const struct hsm_session *session,
                     const struct hsm_pair *pair, struct creation *creation)
{
    const struct ks_buf *expected = creation->plan->expected;
    CK_BBOOL sensitive = CK_FALSE, extractable = CK_TRUE;
    CK_ATTRIBUTE rows[] = {
        {CKA_SENSITIVE, &sensitive, sizeof(sensitive)},
        {CKA_EXTRACTABLE, &extractable, sizeof(extractable)}};
    CK_RV rv = hsm_attributes(session, pair->private, rows, 2);

    if (rv != CKR_OK)
        return rv;
    if (rows[0].ulValueLen == 0 || sensitive == CK_FALSE ||
        rows[1].ulValueLen == 0 || extractable != CK_FALSE) {
        creation->outcome = LEAKY;
        return CKR_OK;
    }
    rv = hsm_public_of(session, pair->public, &creation->spki);
    if (rv == CKR_OK && expected != NULL &&
        (expected->len != creation->spki.len ||
         memcmp(expected->data, creation->spki.data, expected->len) != 0))
        creation->outcome = CHANGED;
    return rv;
}

/* The pair of a run that ended with stale handles: nobody else has our id. */
static CK_RV clean(const struct hsm_session *session,
                   const struct creation *creation)
{
    const struct hsm_name *name = creation->plan->name;
    const struct hsm_query query = {
        .label = name->label, .id = name->id, .id_len = name->id_len};
    CK_OBJECT_HANDLE found[2];
    size_t n = 0;
    CK_RV rv = hsm_find(session, &query, found, 2, &n);

    hsm_token_change_begin(session->token);
    for (size_t i = 0; rv == CKR_OK && i < n && i < 2; i++)
        rv = session->f->C_DestroyObject(session->handle, found[i]);
    hsm_token_change_end(session->token);
    return rv;
}

static CK_RV create(const struct hsm_session *session, void *arg)
{
    struct creation *creation = arg;
    struct hsm_pair pair = {CK_INVALID_HANDLE, CK_INVALID_HANDLE};
    enum outcome others = FAILED;
    CK_RV rv = CKR_OK;

    creation->outcome = FAILED;
    if (creation->dirty)
        rv = clean(session, creation);
    if (rv == CKR_OK)
        rv = look(session, creation, &pair, &creation->outcome);
    if (rv != CKR_OK || creation->outcome != FAILED)
        return rv;
    creation->dirty = true;
    rv = creation->maker(session, creation->plan, creation->arg, &pair);
    if (rv == CKR_OK)
        rv = inspect(session, &pair, creation);
    if (rv == CKR_OK && creation->outcome == FAILED)
        rv = look(session, creation, &pair, &others);
    if (rv == CKR_OK && others != FAILED)
        creation->outcome = COLLIDED;
    if (rv == CKR_OK && creation->outcome == FAILED)
        creation->outcome = MADE;
    else
        hsm_pair_destroy(session, &pair);
    return rv;
}

static ks_rc taken(const struct hsm_target *target, bool label,
                   struct ks_err *err)
{
    const char *token = hsm_token_label(target->hit.token);

    ks_hint(err, "choose another, or delete the key that has it");
    if (label)
        return ks_fail(err, KS_E_EXISTS,
                       "%s: token \"%s\" has a key of the label \"%s\"",
                       target->whose, token, target->key.label);
    return ks_fail(err, KS_E_EXISTS,
                   "%s: token \"%s\" has an object of this CKA_ID",
                   target->whose, token);
}

static ks_rc judge(const struct hsm_target *target, CK_RV rv,
                   enum outcome outcome, struct ks_err *err)
{
    if (rv != CKR_OK)
        return hsm_target_fail(target, rv, "new key", err);
    switch (outcome) {
    case MADE:
        return KS_OK;
    case LABEL_TAKEN:
    case ID_TAKEN:
        return taken(target, outcome == LABEL_TAKEN, err);
    case COLLIDED:
        return KS_E_BUSY;
    case LEAKY:
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: token \"%s\" does not keep the private key to "
                       "itself (CKA_SENSITIVE, CKA_EXTRACTABLE); the new key "
                       "was removed",
                       target->whose, hsm_token_label(target->hit.token));
    case CHANGED:
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: token \"%s\" changed the key that it was given; "
                       "it was removed",
                       target->whose, hsm_token_label(target->hit.token));
    case FAILED:
    default:
        return ks_fail(err, KS_E_INTERNAL, "%s: no key was made",
                       target->whose);
    }
}

/* Waits up to 5 ms times 2 to the power of TRY. */
static void wait_random(OSSL_LIB_CTX *libctx, unsigned try)
{
    struct timespec pause = {0, 0};
    uint32_t random = 0;

    if (RAND_bytes_ex(libctx, (uint8_t *)&random, sizeof(random), 0) != 1)
        random = (uint32_t)clock();
    pause.tv_nsec = (long)(random % (5000000u << (try < 6 ? try : 6)));
    (void)nanosleep(&pause, NULL);
}

static ks_rc choose_id(const struct hsm_target *target,
                       uint8_t id[static ID_LEN], struct ks_err *err)
{
    int ok;

    ERR_set_mark();
    ok = RAND_bytes_ex(target->store->libctx, id, ID_LEN, 0);
    ERR_pop_to_mark();
    return ok == 1 ? KS_OK
                   : ks_fail(err, KS_E_CRYPTO, "%s: no random numbers",
                             target->whose);
}

static bool is_passing(CK_RV rv)
{
    return rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED;
}

/* What a failed run has left is removed by the next. */
static CK_RV run(struct hsm_token *token, struct creation *creation)
{
    struct timespec pause = {.tv_nsec = RUN_PAUSE_NS};
    struct hsm_turn turn;
    CK_RV rv;

    creation->dirty = false;
    hsm_turn_take(token, &turn);
    rv = hsm_run(token, HSM_WRITE, create, creation);
    for (unsigned i = 1; is_passing(rv) && i < RUNS; i++) {
        (void)nanosleep(&pause, NULL);
        pause.tv_nsec *= 2;
        rv = hsm_run(token, HSM_WRITE, create, creation);
    }
    hsm_turn_give(&turn);
    return rv;
}

ks_rc hsm_create(const struct hsm_target *target, struct hsm_plan *plan,
                 hsm_maker *maker, void *arg, struct ks_buf *spki,
                 struct ks_err *err)
{
    uint8_t random_id[ID_LEN];
    struct hsm_name name = target->key;
    struct creation creation = {
        .plan = plan, .given_id = target->key.id, .maker = maker, .arg = arg};
    ks_rc rc = KS_E_BUSY;

    plan->name = &name;
    for (unsigned try = 0; try < TRIES && rc == KS_E_BUSY; try++) {
        CK_RV rv;

        if (try > 0)
            wait_random(target->store->libctx, try);
        if (target->key.id == NULL) {
            rc = choose_id(target, random_id, err);
            if (rc != KS_OK)
                break;
            name.id = random_id;
            name.id_len = ID_LEN;
        }
        ks_buf_clear(&creation.spki);
        rv = run(target->hit.token, &creation);
        rc = judge(target, rv, creation.outcome, err);
        if (rv != CKR_OK)
            break;
    }
    plan->name = NULL;
    if (rc == KS_OK) {
        *spki = creation.spki;
        creation.spki = (struct ks_buf){0}; /* given to the caller */
    } else if (rc == KS_E_BUSY) {
        (void)ks_fail(err, rc, "%s: others are making keys of this name",
                      target->whose);
    }
    ks_buf_clear(&creation.spki);
    return rc;
}
