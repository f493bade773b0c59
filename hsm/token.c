/*
 * Tokens in use, one object for each in the process.
 */
#include "token.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ckr.h"
#include "gate.h"
#include "pool.h"
#include "token_state.h"

#define MECHANISMS_MAX 4096 /* of a token that we believe */

static struct hsm_token *tokens;

static bool is_same(const CK_TOKEN_INFO *a, const CK_TOKEN_INFO *b)
{
    return memcmp(a->label, b->label, sizeof(a->label)) == 0 &&
           memcmp(a->serialNumber, b->serialNumber, sizeof(a->serialNumber)) ==
               0 &&
           memcmp(a->model, b->model, sizeof(a->model)) == 0 &&
           memcmp(a->manufacturerID, b->manufacturerID,
                  sizeof(a->manufacturerID)) == 0;
}

/* A change does not wait for ever behind searches that follow each other. */
static void init_objects(struct hsm_token *token)
{
    pthread_rwlockattr_t attr;

    (void)pthread_rwlockattr_init(&attr);
    (void)pthread_rwlockattr_setkind_np(
        &attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    (void)pthread_rwlock_init(&token->objects, &attr);
    (void)pthread_rwlockattr_destroy(&attr);
}

static struct hsm_token *make(struct hsm_module *module,
                              const struct hsm_slot *slot)
{
    struct hsm_token *token = OPENSSL_zalloc(sizeof(*token));

    if (token == NULL)
        return NULL;
    token->refs = 1;
    hsm_module_ref(module);
    token->module = module;
    token->seen = slot->token;
    token->slot = slot->id;
    hsm_field_text(token->label, slot->token.label, sizeof(slot->token.label));
    hsm_field_text(token->serial, slot->token.serialNumber,
                   sizeof(slot->token.serialNumber));
    (void)pthread_mutex_init(&token->lock, NULL);
    (void)pthread_mutex_init(&token->login, NULL);
    (void)pthread_mutex_init(&token->creating, NULL);
    init_objects(token);
    (void)pthread_cond_init(&token->returned, NULL);
    return token;
}

static void discard(struct hsm_token *token)
{
    if (token == NULL)
        return;
    ks_secret_clear(&token->pin);
    (void)pthread_mutex_destroy(&token->lock);
    (void)pthread_mutex_destroy(&token->login);
    (void)pthread_mutex_destroy(&token->creating);
    (void)pthread_rwlock_destroy(&token->objects);
    (void)pthread_cond_destroy(&token->returned);
    hsm_module_put(token->module);
    OPENSSL_free(token);
}

static CK_SLOT_ID slot_of(struct hsm_token *token)
{
    CK_SLOT_ID slot;

    (void)pthread_mutex_lock(&token->lock);
    slot = token->slot;
    (void)pthread_mutex_unlock(&token->lock);
    return slot;
}

/* Counted: the one in use, or *made, which is taken. */
static struct hsm_token *find_or_add(struct hsm_module *module,
                                     const struct hsm_slot *slot,
                                     struct hsm_token **made)
{
    struct hsm_token *token;

    hsm_lists_lock();
    for (token = tokens; token != NULL; token = token->next)
        if (token->module == module && slot_of(token) == slot->id &&
            is_same(&token->seen, &slot->token))
            break;
    if (token != NULL) {
        token->refs++;
    } else if (*made != NULL) {
        token = *made;
        token->next = tokens;
        tokens = token;
        *made = NULL;
    }
    hsm_lists_unlock();
    return token;
}

static ks_rc take(struct hsm_module *module, const struct hsm_slot *slot,
                  struct hsm_token **out, struct ks_err *err)
{
    struct hsm_token *made = NULL;

    *out = find_or_add(module, slot, &made);
    if (*out != NULL)
        return KS_OK;
    made = make(module, slot);
    if (made == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    *out = find_or_add(module, slot, &made);
    discard(made); /* another thread was first */
    return KS_OK;
}

struct search {
    hsm_slot_match *match;
    const void *arg;
    struct hsm_slot found;
    size_t n;
    char labels[200];  /* of all tokens */
    char serials[200]; /* of those that match */
};

static void append(char *list, size_t size, const char *open, const char *text,
                   const char *close)
{
    size_t used = strlen(list);

    (void)snprintf(list + used, size - used, "%s%s%s%s", used > 0 ? ", " : "",
                   open, text, close);
}

static ks_rc search_each(void *arg, const struct hsm_slot *slot,
                         struct ks_err *err)
{
    struct search *search = arg;
    char text[33];

    (void)err;
    if (!slot->has_token || (slot->token.flags & CKF_TOKEN_INITIALIZED) == 0)
        return KS_OK;
    hsm_field_text(text, slot->token.label, sizeof(slot->token.label));
    append(search->labels, sizeof(search->labels), "\"", text, "\"");
    if (!search->match(search->arg, slot))
        return KS_OK;
    hsm_field_text(text, slot->token.serialNumber,
                   sizeof(slot->token.serialNumber));
    append(search->serials, sizeof(search->serials), "", text, "");
    if (search->n++ == 0)
        search->found = *slot;
    return KS_OK;
}

ks_rc hsm_token_get(struct hsm_module *module, hsm_slot_match *match,
                    const void *arg, const char *wanted, struct hsm_token **out,
                    struct ks_err *err)
{
    struct search search = {.match = match, .arg = arg};
    ks_rc rc = hsm_slots(module, search_each, &search, err);

    if (rc != KS_OK)
        return rc;
    if (search.n == 1)
        return take(module, &search.found, out, err);
    if (search.n > 1) {
        ks_hint(err,
                "name one by its serial number (serial = in caadm.conf, "
                "serial= in a URI): %s",
                search.serials);
        return ks_fail(err, KS_E_INVALID, "%s: %zu tokens of module %s match",
                       wanted, search.n, hsm_module_path(module));
    }
    if (search.labels[0] != '\0')
        ks_hint(err, "tokens seen: %s", search.labels);
    else
        ks_hint(err, "module %s shows no initialised token",
                hsm_module_path(module));
    return ks_fail(err, KS_E_NOT_FOUND, "%s: not found", wanted);
}

void hsm_token_ref(struct hsm_token *token)
{
    hsm_lists_lock();
    token->refs++;
    hsm_lists_unlock();
}

void hsm_token_put(struct hsm_token *token)
{
    struct hsm_token **link = &tokens;
    bool last;

    if (token == NULL)
        return;
    hsm_lists_lock();
    last = --token->refs == 0;
    while (last && *link != NULL && *link != token)
        link = &(*link)->next;
    if (last && *link != NULL)
        *link = token->next;
    hsm_lists_unlock();
    if (!last)
        return;
    hsm_pool_end(token);
    discard(token);
}

const char *hsm_token_label(const struct hsm_token *token)
{
    return token->label;
}

const char *hsm_token_serial(const struct hsm_token *token)
{
    return token->serial;
}

struct hsm_module *hsm_token_module(const struct hsm_token *token)
{
    return token->module;
}

CK_RV hsm_token_info(struct hsm_token *token, CK_TOKEN_INFO *info)
{
    CK_FUNCTION_LIST *f;
    CK_RV rv = hsm_module_enter(token->module, &f);

    if (rv != CKR_OK)
        return rv;
    rv = hsm_slot_token_info(f, slot_of(token), info);
    if (hsm_ckr_is_stale(rv) && hsm_token_find_again(token) == CKR_OK)
        rv = hsm_slot_token_info(f, slot_of(token), info);
    hsm_module_leave(token->module);
    return rv;
}

bool hsm_token_can(struct hsm_token *token, CK_MECHANISM_TYPE mechanism,
                   CK_FLAGS flags)
{
    CK_MECHANISM_INFO info = {0};
    CK_FUNCTION_LIST *f;
    CK_RV rv = hsm_module_enter(token->module, &f);

    if (rv != CKR_OK)
        return false;
    rv = f->C_GetMechanismInfo(slot_of(token), mechanism, &info);
    hsm_module_leave(token->module);
    return rv == CKR_OK && (info.flags & flags) == flags;
}

static CK_RV list_mechanisms(const CK_FUNCTION_LIST *f, CK_SLOT_ID slot,
                             CK_MECHANISM_TYPE **list, CK_ULONG *n)
{
    CK_RV rv = f->C_GetMechanismList(slot, NULL, n);
    CK_ULONG room = *n;

    *list = NULL;
    if (rv != CKR_OK || room == 0)
        return rv;
    if (room > MECHANISMS_MAX)
        return CKR_GENERAL_ERROR;
    *list = OPENSSL_zalloc(room * sizeof(**list));
    if (*list == NULL)
        return CKR_HOST_MEMORY;
    rv = f->C_GetMechanismList(slot, *list, n);
    if (rv == CKR_OK && *n > room)
        rv = CKR_GENERAL_ERROR;
    if (rv != CKR_OK) {
        OPENSSL_free(*list);
        *list = NULL;
    }
    return rv;
}

CK_RV hsm_token_mechanisms(struct hsm_token *token, CK_MECHANISM_TYPE **list,
                           size_t *n)
{
    CK_FUNCTION_LIST *f;
    CK_ULONG found = 0;
    CK_RV rv = hsm_module_enter(token->module, &f);

    if (rv != CKR_OK)
        return rv;
    rv = list_mechanisms(f, slot_of(token), list, &found);
    hsm_module_leave(token->module);
    *n = found;
    return rv;
}

unsigned long hsm_token_epoch(const struct hsm_token *token)
{
    return hsm_module_epoch(token->module) + token->epoch;
}

struct again {
    const CK_TOKEN_INFO *wanted;
    CK_SLOT_ID old;
    CK_SLOT_ID slot;
    bool found;
};

static ks_rc again_each(void *arg, const struct hsm_slot *slot,
                        struct ks_err *err)
{
    struct again *again = arg;

    (void)err;
    if (!slot->has_token || !is_same(again->wanted, &slot->token))
        return KS_OK;
    if (!again->found || slot->id == again->old)
        again->slot = slot->id;
    again->found = true;
    return KS_OK;
}

CK_RV hsm_token_find_again(struct hsm_token *token)
{
    struct again again = {.wanted = &token->seen, .old = slot_of(token)};
    struct ks_err ignored = {0};

    if (hsm_slots(token->module, again_each, &again, &ignored) != KS_OK ||
        !again.found)
        return CKR_TOKEN_NOT_PRESENT;
    (void)pthread_mutex_lock(&token->lock);
    token->slot = again.slot;
    (void)pthread_mutex_unlock(&token->lock);
    return CKR_OK;
}

void hsm_token_create_begin(struct hsm_token *token)
{
    (void)pthread_mutex_lock(&token->creating);
}

void hsm_token_create_end(struct hsm_token *token)
{
    (void)pthread_mutex_unlock(&token->creating);
}

void hsm_token_change_begin(struct hsm_token *token)
{
    (void)pthread_rwlock_wrlock(&token->objects);
}

void hsm_token_change_end(struct hsm_token *token)
{
    (void)pthread_rwlock_unlock(&token->objects);
}

void hsm_token_search_begin(struct hsm_token *token)
{
    (void)pthread_rwlock_rdlock(&token->objects);
}

void hsm_token_search_end(struct hsm_token *token)
{
    (void)pthread_rwlock_unlock(&token->objects);
}

void hsm_tokens_before_fork(void)
{
    for (struct hsm_token *t = tokens; t != NULL; t = t->next)
        (void)pthread_mutex_lock(&t->lock);
}

void hsm_tokens_after_fork(void)
{
    for (struct hsm_token *t = tokens; t != NULL; t = t->next)
        (void)pthread_mutex_unlock(&t->lock);
}

void hsm_tokens_in_child(void)
{
    for (struct hsm_token *t = tokens; t != NULL; t = t->next) {
        (void)pthread_mutex_init(&t->login, NULL);
        (void)pthread_mutex_init(&t->creating, NULL);
        init_objects(t);
        (void)pthread_cond_init(&t->returned, NULL);
        t->n_lent = 0;
        t->n_moving = 0;
    }
}

/* Whoever still holds a token does not need its PIN any more. */
void hsm_tokens_at_exit(void)
{
    hsm_lists_lock();
    for (struct hsm_token *t = tokens; t != NULL; t = t->next) {
        (void)pthread_mutex_lock(&t->lock);
        ks_secret_clear(&t->pin);
        (void)pthread_mutex_unlock(&t->lock);
    }
    hsm_lists_unlock();
}
