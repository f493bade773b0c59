/*
 * What a fuzzer is: one function. With CAADM_FUZZ libFuzzer calls it; else
 * standalone.c does, with every file of a corpus.
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Always 0. Faults are for the sanitizers, or abort. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
