/* Loading a PKCS#11 module and finding a slot of it, with nothing between. */
#include "cryptoki.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX 64

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

void cryptoki_must(const char *what, CK_RV rv)
{
    if (rv == CKR_OK)
        return;
    fprintf(stderr, "bench: %s: 0x%lx\n", what, rv);
    exit(1);
}

CK_FUNCTION_LIST *cryptoki_open(const char *path)
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    void *handle = dlopen(path, RTLD_NOW);
    CK_C_GetFunctionList list = NULL;
    CK_FUNCTION_LIST *f = NULL;

    if (handle == NULL)
        die(path, dlerror());
    /* The way of POSIX to make a function of what dlsym returns. */
    *(void **)&list = dlsym(handle, "C_GetFunctionList");
    if (list == NULL)
        die(path, "no C_GetFunctionList");
    cryptoki_must("C_GetFunctionList", list(&f));
    cryptoki_must("C_Initialize", f->C_Initialize(&args));
    return f;
}

static bool is_meant(const CK_TOKEN_INFO *info, const char *label)
{
    char padded[sizeof(info->label) + 1];

    if (label == NULL)
        return (info->flags & CKF_TOKEN_INITIALIZED) == 0;
    snprintf(padded, sizeof(padded), "%-*s", (int)sizeof(info->label), label);
    return memcmp(padded, info->label, sizeof(info->label)) == 0;
}

CK_SLOT_ID cryptoki_slot(CK_FUNCTION_LIST *f, const char *label)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG n = SLOTS_MAX;
    CK_TOKEN_INFO info;

    cryptoki_must("C_GetSlotList", f->C_GetSlotList(CK_TRUE, slots, &n));
    for (CK_ULONG i = 0; i < n; i++) {
        cryptoki_must("C_GetTokenInfo", f->C_GetTokenInfo(slots[i], &info));
        if (is_meant(&info, label))
            return slots[i];
    }
    die(label == NULL ? "a free slot" : label, "not found");
    return 0;
}
