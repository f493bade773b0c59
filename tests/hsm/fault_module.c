/*
 * A PKCS#11 module that stands before SoftHSM and makes trouble as a file
 * tells it: for what SoftHSM cannot do by itself. It forwards every call to
 * the module FAULT_MODULE (environment; else Debian's libsofthsm2.so).
 *
 * FAULT_FILE names the file of rules, read at every call; when its text has
 * changed, counts begin anew. A line is one rule, numbers are C's:
 *   fail FUNCTION CKR [AFTER [TIMES]]  returns CKR (a name, or a number)
 *                     instead of calling; the first AFTER calls go through
 *   delay FUNCTION MILLISECONDS [AFTER]  sleeps before the call
 *   flags SET CLEAR                    of CK_TOKEN_INFO
 *   attribute TYPE HEX|none [CLASS]    what C_GetAttributeValue tells
 *   mechanism TYPE                     hides it from lists and refuses it
 *   sessions N                         more get CKR_SESSION_COUNT
 *   removed                            the token is out: all sessions are
 *                                      closed, and so are new ones refused
 *   count FUNCTION N                   says N, having given less: slots,
 *                     mechanisms, objects found, bytes of a result
 *   size TYPE N                        says that an attribute has N bytes
 *   crash FUNCTION, exit FUNCTION      ends the process there
 * FAULT_LOG names a file that gets a line "FUNCTION" for each call, of all
 * processes. tests/hsm/fault.h writes and reads both.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ckr.h"

#define RULES_MAX 32
#define TEXT_MAX 8192
#define VALUE_MAX 256
#define SLOTS_MAX 16
#define LAST_CKR 0x300

enum kind {
    FAIL,
    DELAY,
    FLAGS,
    ATTRIBUTE,
    MECHANISM,
    SESSIONS,
    REMOVED,
    COUNT,
    SIZE,
    CRASH,
    EXIT
};

struct rule {
    enum kind kind;
    char function[40];
    CK_RV rv;
    unsigned long after, times; /* calls that are left */
    unsigned long number, clear;
    unsigned char value[VALUE_MAX];
    size_t len;
    bool none, has_class;
    unsigned long class;
};

static CK_FUNCTION_LIST *real;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[RULES_MAX];
static size_t n_rules;
static unsigned long n_sessions;
static bool is_out; /* and its sessions are closed */

static CK_RV ckr_of(const char *text)
{
    for (CK_RV rv = 0; rv < LAST_CKR; rv++)
        if (strcmp(hsm_ckr_name(rv), text) == 0)
            return rv;
    return strtoul(text, NULL, 0);
}

static void read_value(struct rule *rule, const char *text)
{
    unsigned byte;

    rule->none = strcmp(text, "none") == 0;
    while (!rule->none && rule->len < VALUE_MAX &&
           sscanf(text + 2 * rule->len, "%2x", &byte) == 1)
        rule->value[rule->len++] = (unsigned char)byte;
}

/* Words that are not there are empty. */
static bool read_rule(struct rule *rule, char (*w)[600])
{
    static const char *const kinds[] = {[FAIL] = "fail",
                                        [DELAY] = "delay",
                                        [FLAGS] = "flags",
                                        [ATTRIBUTE] = "attribute",
                                        [MECHANISM] = "mechanism",
                                        [SESSIONS] = "sessions",
                                        [REMOVED] = "removed",
                                        [COUNT] = "count",
                                        [SIZE] = "size",
                                        [CRASH] = "crash",
                                        [EXIT] = "exit"};
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i], w[0]) == 0)
            break;
    if (i == sizeof(kinds) / sizeof(kinds[0]))
        return false;
    *rule = (struct rule){.kind = (enum kind)i};
    (void)snprintf(rule->function, sizeof(rule->function), "%.39s", w[1]);
    rule->rv = ckr_of(w[2]);
    rule->after = strtoul(w[3], NULL, 0);
    rule->times = w[4][0] != '\0' ? strtoul(w[4], NULL, 0) : ~0UL;
    rule->number = strtoul(rule->kind == DELAY ? w[2] : w[1], NULL, 0);
    rule->clear = strtoul(w[2], NULL, 0);
    rule->has_class = rule->kind == ATTRIBUTE && w[3][0] != '\0';
    rule->class = rule->after;
    if (rule->kind == ATTRIBUTE)
        read_value(rule, w[2]);
    return true;
}

/* Clocks are too coarse to tell that a file has changed; so it is read. */
static void read_rules(void)
{
    static char known[TEXT_MAX];
    const char *path = getenv("FAULT_FILE");
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    char text[TEXT_MAX] = {0};
    char *line, *next = text;

    if (file != NULL) {
        if (fread(text, 1, sizeof(text) - 1, file) == 0)
            text[0] = '\0';
        (void)fclose(file);
    }
    if (strcmp(text, known) == 0)
        return;
    memcpy(known, text, sizeof(known));
    n_rules = 0;
    while ((line = strsep(&next, "\n")) != NULL && n_rules < RULES_MAX) {
        char w[5][600] = {{0}};

        if (sscanf(line, "%599s %599s %599s %599s %599s", w[0], w[1], w[2],
                   w[3], w[4]) > 0 &&
            read_rule(&rules[n_rules], w))
            n_rules++;
    }
}

static const struct rule *find(enum kind kind)
{
    for (size_t i = 0; i < n_rules; i++)
        if (rules[i].kind == kind)
            return &rules[i];
    return NULL;
}

static void write_log(const char *function)
{
    const char *path = getenv("FAULT_LOG");
    char line[48];
    int len, fd;

    if (path == NULL)
        return;
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    len = snprintf(line, sizeof(line), "%s\n", function);
    if (fd < 0 || write(fd, line, (size_t)len) != len)
        perror(path);
    (void)close(fd);
}

/* The first rule for FUNCTION that fails it; counts. */
static CK_RV verdict(const char *function, unsigned long *milliseconds)
{
    for (size_t i = 0; i < n_rules; i++) {
        struct rule *rule = &rules[i];

        if (strcmp(rule->function, function) != 0)
            continue;
        if (rule->kind == DELAY && rule->after == 0)
            *milliseconds = rule->number;
        else if (rule->kind == DELAY)
            rule->after--;
        if (rule->kind == CRASH)
            (void)raise(SIGSEGV);
        if (rule->kind == EXIT)
            exit(3);
        if (rule->kind != FAIL || rule->times == 0)
            continue;
        if (rule->after > 0) {
            rule->after--;
            continue;
        }
        rule->times--;
        return rule->rv;
    }
    return CKR_OK;
}

/* When the token is taken out its sessions end; what may be asked then is
 * what slots there are. */
static CK_RV removal(const char *function)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG n = SLOTS_MAX;

    if (real == NULL || find(REMOVED) == NULL) {
        is_out = false;
        return CKR_OK;
    }
    if (!is_out && real->C_GetSlotList(CK_FALSE, slots, &n) == CKR_OK)
        for (CK_ULONG i = 0; i < n; i++)
            (void)real->C_CloseAllSessions(slots[i]);
    is_out = true;
    n_sessions = 0;
    if (strcmp(function, "C_Initialize") == 0 ||
        strcmp(function, "C_Finalize") == 0 ||
        strcmp(function, "C_GetInfo") == 0 ||
        strcmp(function, "C_GetSlotList") == 0 ||
        strcmp(function, "C_GetSlotInfo") == 0)
        return CKR_OK;
    return strcmp(function, "C_GetTokenInfo") == 0 ||
                   strcmp(function, "C_OpenSession") == 0
               ? CKR_TOKEN_NOT_PRESENT
               : CKR_DEVICE_REMOVED;
}

static CK_RV before(const char *function)
{
    unsigned long milliseconds = 0;
    struct timespec pause;
    CK_RV rv;

    (void)pthread_mutex_lock(&lock);
    read_rules();
    write_log(function);
    rv = removal(function);
    if (rv == CKR_OK)
        rv = verdict(function, &milliseconds);
    (void)pthread_mutex_unlock(&lock);
    pause.tv_sec = (time_t)(milliseconds / 1000);
    pause.tv_nsec = (long)(milliseconds % 1000) * 1000000;
    if (milliseconds > 0)
        (void)nanosleep(&pause, NULL);
    return rv;
}

static bool is_hidden(CK_MECHANISM_TYPE type)
{
    bool hidden = false;

    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n_rules; i++)
        hidden |= rules[i].kind == MECHANISM && rules[i].number == type;
    (void)pthread_mutex_unlock(&lock);
    return hidden;
}

/* What a count becomes that FUNCTION tells. */
static CK_RV lie(const char *function, CK_RV rv, CK_ULONG *n)
{
    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; rv == CKR_OK && i < n_rules; i++)
        if (rules[i].kind == COUNT && strcmp(rules[i].function, function) == 0)
            *n = rules[i].clear;
    (void)pthread_mutex_unlock(&lock);
    return rv;
}

#define LIAR(name, params, args, n)                                            \
    static CK_RV on_##name params                                              \
    {                                                                          \
        CK_RV rv = before(#name);                                              \
        return rv != CKR_OK ? rv : lie(#name, real->name args, n);             \
    }
LIAR(C_GetSlotList, (CK_BBOOL a, CK_SLOT_ID *b, CK_ULONG *c), (a, b, c), c)
LIAR(C_FindObjects,
     (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *a, CK_ULONG b, CK_ULONG *c),
     (s, a, b, c), c)
LIAR(C_Sign,
     (CK_SESSION_HANDLE s, CK_BYTE *a, CK_ULONG b, CK_BYTE *c, CK_ULONG *d),
     (s, a, b, c, d), d)
LIAR(C_Decrypt,
     (CK_SESSION_HANDLE s, CK_BYTE *a, CK_ULONG b, CK_BYTE *c, CK_ULONG *d),
     (s, a, b, c, d), d)

static CK_RV token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    CK_RV rv = before("C_GetTokenInfo");
    const struct rule *rule;

    if (rv != CKR_OK)
        return rv;
    rv = real->C_GetTokenInfo(slot, info);
    (void)pthread_mutex_lock(&lock);
    rule = find(FLAGS);
    if (rv == CKR_OK && rule != NULL)
        info->flags = (info->flags | rule->number) & ~rule->clear;
    (void)pthread_mutex_unlock(&lock);
    return rv;
}

static CK_RV slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    CK_RV rv = before("C_GetSlotInfo");

    if (rv != CKR_OK)
        return rv;
    rv = real->C_GetSlotInfo(slot, info);
    (void)pthread_mutex_lock(&lock);
    if (is_out)
        info->flags &= ~(CK_FLAGS)CKF_TOKEN_PRESENT;
    (void)pthread_mutex_unlock(&lock);
    return rv;
}

static CK_RV mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list,
                            CK_ULONG *n)
{
    CK_RV rv = before("C_GetMechanismList");
    CK_ULONG left = 0;

    if (rv == CKR_OK)
        rv = real->C_GetMechanismList(slot, list, n);
    if (rv != CKR_OK || list == NULL)
        return lie("C_GetMechanismList", rv, n);
    for (CK_ULONG i = 0; i < *n; i++)
        if (!is_hidden(list[i]))
            list[left++] = list[i];
    *n = left;
    return lie("C_GetMechanismList", CKR_OK, n);
}

static CK_RV mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type,
                            CK_MECHANISM_INFO *info)
{
    CK_RV rv = before("C_GetMechanismInfo");

    if (rv == CKR_OK && is_hidden(type))
        rv = CKR_MECHANISM_INVALID;
    return rv != CKR_OK ? rv : real->C_GetMechanismInfo(slot, type, info);
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *arg,
                          CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
    CK_RV rv = before("C_OpenSession");
    const struct rule *rule;

    if (rv != CKR_OK)
        return rv;
    (void)pthread_mutex_lock(&lock);
    rule = find(SESSIONS);
    if (rule != NULL && n_sessions >= rule->number)
        rv = CKR_SESSION_COUNT;
    if (rv == CKR_OK)
        rv = real->C_OpenSession(slot, flags, arg, notify, session);
    if (rv == CKR_OK)
        n_sessions++;
    (void)pthread_mutex_unlock(&lock);
    return rv;
}

static CK_RV close_session(CK_SESSION_HANDLE session)
{
    CK_RV rv = before("C_CloseSession");

    if (rv == CKR_OK)
        rv = real->C_CloseSession(session);
    (void)pthread_mutex_lock(&lock);
    if (rv == CKR_OK && n_sessions > 0)
        n_sessions--;
    (void)pthread_mutex_unlock(&lock);
    return rv;
}

static CK_RV close_all_sessions(CK_SLOT_ID slot)
{
    CK_RV rv = before("C_CloseAllSessions");

    if (rv == CKR_OK)
        rv = real->C_CloseAllSessions(slot);
    (void)pthread_mutex_lock(&lock);
    n_sessions = 0;
    (void)pthread_mutex_unlock(&lock);
    return rv;
}

static CK_RV finalize(void *reserved)
{
    CK_RV rv = before("C_Finalize");

    if (rv == CKR_OK)
        rv = real->C_Finalize(reserved);
    (void)pthread_mutex_lock(&lock);
    n_sessions = 0;
    (void)pthread_mutex_unlock(&lock);
    return rv;
}

static bool applies(const struct rule *rule, CK_SESSION_HANDLE session,
                    CK_OBJECT_HANDLE object)
{
    CK_OBJECT_CLASS class = 0;
    CK_ATTRIBUTE attribute = {CKA_CLASS, &class, sizeof(class)};

    return !rule->has_class || (real->C_GetAttributeValue(
                                    session, object, &attribute, 1) == CKR_OK &&
                                class == rule->class);
}

/* Changes what ATTRIBUTE says, *old being its length before. */
static void tell(const struct rule *rule, CK_ATTRIBUTE *attribute, CK_ULONG old)
{
    if (rule->kind == SIZE)
        attribute->ulValueLen = rule->clear;
    else if (rule->none)
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
    else if (attribute->pValue == NULL)
        attribute->ulValueLen = rule->len;
    else if (old < rule->len)
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
    else {
        memcpy(attribute->pValue, rule->value, rule->len);
        attribute->ulValueLen = rule->len;
    }
}

static CK_RV attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                             CK_ATTRIBUTE *list, CK_ULONG n)
{
    CK_RV rv = before("C_GetAttributeValue");
    CK_ULONG *old = rv == CKR_OK ? calloc(n + 1, sizeof(*old)) : NULL;
    bool changed = false, missing = false;

    if (old == NULL)
        return rv != CKR_OK ? rv : CKR_HOST_MEMORY;
    for (CK_ULONG i = 0; i < n; i++)
        old[i] = list[i].ulValueLen;
    rv = real->C_GetAttributeValue(session, object, list, n);
    (void)pthread_mutex_lock(&lock);
    for (CK_ULONG i = 0; i < n; i++) {
        for (size_t r = 0; r < n_rules; r++)
            if ((rules[r].kind == ATTRIBUTE || rules[r].kind == SIZE) &&
                rules[r].number == list[i].type &&
                applies(&rules[r], session, object)) {
                tell(&rules[r], &list[i], old[i]);
                changed = true;
            }
        missing |= list[i].ulValueLen == CK_UNAVAILABLE_INFORMATION;
    }
    (void)pthread_mutex_unlock(&lock);
    free(old);
    if (!changed)
        return rv;
    return missing ? CKR_ATTRIBUTE_TYPE_INVALID : CKR_OK;
}

/* The functions that go on as they are: name, parameters, arguments. */
#define S CK_SESSION_HANDLE s
#define B CK_BYTE *
#define N CK_ULONG
#define P CK_ULONG *
#define O CK_OBJECT_HANDLE
#define A CK_ATTRIBUTE *
/* clang-format off */
#define PLAIN(X)                                                               \
    X(C_Initialize, (void *a), (a))                                            \
    X(C_GetInfo, (CK_INFO *a), (a))                                            \
    X(C_InitToken, (CK_SLOT_ID a, B b, N c, B d), (a, b, c, d))                \
    X(C_InitPIN, (S, B b, N c), (s, b, c))                                     \
    X(C_SetPIN, (S, B b, N c, B d, N e), (s, b, c, d, e))                      \
    X(C_GetSessionInfo, (S, CK_SESSION_INFO *a), (s, a))                       \
    X(C_GetOperationState, (S, B a, P b), (s, a, b))                           \
    X(C_SetOperationState, (S, B a, N b, O c, O d), (s, a, b, c, d))           \
    X(C_Login, (S, CK_USER_TYPE a, B b, N c), (s, a, b, c))                    \
    X(C_Logout, (S), (s))                                                      \
    X(C_CreateObject, (S, A a, N b, O *c), (s, a, b, c))                       \
    X(C_CopyObject, (S, O a, A b, N c, O *d), (s, a, b, c, d))                 \
    X(C_DestroyObject, (S, O a), (s, a))                                       \
    X(C_GetObjectSize, (S, O a, P b), (s, a, b))                               \
    X(C_SetAttributeValue, (S, O a, A b, N c), (s, a, b, c))                   \
    X(C_FindObjectsInit, (S, A a, N b), (s, a, b))                             \
    X(C_FindObjectsFinal, (S), (s))                                            \
    X(C_Encrypt, (S, B a, N b, B c, P d), (s, a, b, c, d))                     \
    X(C_EncryptUpdate, (S, B a, N b, B c, P d), (s, a, b, c, d))               \
    X(C_EncryptFinal, (S, B a, P b), (s, a, b))                                \
    X(C_DecryptUpdate, (S, B a, N b, B c, P d), (s, a, b, c, d))               \
    X(C_DecryptFinal, (S, B a, P b), (s, a, b))                                \
    X(C_DigestInit, (S, CK_MECHANISM *a), (s, a))                              \
    X(C_Digest, (S, B a, N b, B c, P d), (s, a, b, c, d))                      \
    X(C_DigestUpdate, (S, B a, N b), (s, a, b))                                \
    X(C_DigestKey, (S, O a), (s, a))                                           \
    X(C_DigestFinal, (S, B a, P b), (s, a, b))                                 \
    X(C_SignUpdate, (S, B a, N b), (s, a, b))                                  \
    X(C_SignFinal, (S, B a, P b), (s, a, b))                                   \
    X(C_SignRecoverInit, (S, CK_MECHANISM *a, O b), (s, a, b))                 \
    X(C_SignRecover, (S, B a, N b, B c, P d), (s, a, b, c, d))                 \
    X(C_Verify, (S, B a, N b, B c, N d), (s, a, b, c, d))                      \
    X(C_VerifyUpdate, (S, B a, N b), (s, a, b))                                \
    X(C_VerifyFinal, (S, B a, N b), (s, a, b))                                 \
    X(C_VerifyRecoverInit, (S, CK_MECHANISM *a, O b), (s, a, b))               \
    X(C_VerifyRecover, (S, B a, N b, B c, P d), (s, a, b, c, d))               \
    X(C_DigestEncryptUpdate, (S, B a, N b, B c, P d), (s, a, b, c, d))         \
    X(C_DecryptDigestUpdate, (S, B a, N b, B c, P d), (s, a, b, c, d))         \
    X(C_SignEncryptUpdate, (S, B a, N b, B c, P d), (s, a, b, c, d))           \
    X(C_DecryptVerifyUpdate, (S, B a, N b, B c, P d), (s, a, b, c, d))         \
    X(C_GenerateKey, (S, CK_MECHANISM *a, A b, N c, O *d), (s, a, b, c, d))    \
    X(C_WrapKey, (S, CK_MECHANISM *a, O b, O c, B d, P e),                     \
      (s, a, b, c, d, e))                                                      \
    X(C_UnwrapKey, (S, CK_MECHANISM *a, O b, B c, N d, A e, N f, O *g),        \
      (s, a, b, c, d, e, f, g))                                                \
    X(C_SeedRandom, (S, B a, N b), (s, a, b))                                  \
    X(C_GenerateRandom, (S, B a, N b), (s, a, b))                              \
    X(C_GetFunctionStatus, (S), (s))                                           \
    X(C_CancelFunction, (S), (s))                                              \
    X(C_WaitForSlotEvent, (CK_FLAGS a, CK_SLOT_ID *b, void *c), (a, b, c))
/* Those that name a mechanism A. */
#define WITH_MECHANISM(X)                                                      \
    X(C_EncryptInit, (S, CK_MECHANISM *a, O b), (s, a, b))                     \
    X(C_DecryptInit, (S, CK_MECHANISM *a, O b), (s, a, b))                     \
    X(C_SignInit, (S, CK_MECHANISM *a, O b), (s, a, b))                        \
    X(C_VerifyInit, (S, CK_MECHANISM *a, O b), (s, a, b))                      \
    X(C_GenerateKeyPair,                                                       \
      (S, CK_MECHANISM *a, A b, N c, A d, N e, O *f, O *g),                    \
      (s, a, b, c, d, e, f, g))                                                \
    X(C_DeriveKey, (S, CK_MECHANISM *a, O b, A c, N d, O *e),                  \
      (s, a, b, c, d, e))
/* clang-format on */

#define DEFINE_PLAIN(name, params, args)                                       \
    static CK_RV on_##name params                                              \
    {                                                                          \
        CK_RV rv = before(#name);                                              \
        return rv != CKR_OK ? rv : real->name args;                            \
    }
#define DEFINE_WITH_MECHANISM(name, params, args)                              \
    static CK_RV on_##name params                                              \
    {                                                                          \
        CK_RV rv = before(#name);                                              \
        if (rv == CKR_OK && is_hidden(a->mechanism))                           \
            rv = CKR_MECHANISM_INVALID;                                        \
        return rv != CKR_OK ? rv : real->name args;                            \
    }
PLAIN(DEFINE_PLAIN)
WITH_MECHANISM(DEFINE_WITH_MECHANISM)

#define MEMBER(name, params, args) .name = on_##name,
static CK_FUNCTION_LIST list = {.version = {2, 40},
                                .C_Finalize = finalize,
                                .C_GetSlotInfo = slot_info,
                                .C_GetTokenInfo = token_info,
                                .C_GetMechanismList = mechanism_list,
                                .C_GetMechanismInfo = mechanism_info,
                                .C_OpenSession = open_session,
                                .C_CloseSession = close_session,
                                .C_CloseAllSessions = close_all_sessions,
                                .C_GetAttributeValue = attribute_value,
                                .C_GetSlotList = on_C_GetSlotList,
                                .C_FindObjects = on_C_FindObjects,
                                .C_Sign = on_C_Sign,
                                .C_Decrypt = on_C_Decrypt,
                                PLAIN(MEMBER) WITH_MECHANISM(MEMBER)};

static CK_RV get_list(CK_FUNCTION_LIST **out)
{
    const char *path = getenv("FAULT_MODULE");
    CK_C_GetFunctionList get;
    CK_RV rv = before("C_GetFunctionList");
    void *library;

    if (rv != CKR_OK)
        return rv;
    library = dlopen(path != NULL ? path : "/usr/lib/softhsm/libsofthsm2.so",
                     RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return CKR_GENERAL_ERROR;
    *(void **)&get = dlsym(library, "C_GetFunctionList");
    rv = get != NULL ? get(&real) : CKR_GENERAL_ERROR;
    *out = &list;
    return rv;
}

__attribute__((visibility("default"))) CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **out)
{
    return get_list(out);
}
