/*
 * Text that comes from outside: UTF-8 and percent encoding (RFC 3986, 2.1).
 */
#ifndef KS_TEXT_H
#define KS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "ks_err.h"

/* The length of the first LEN bytes of TEXT that are good UTF-8 (RFC 3629)
 * without control characters; LEN if all are. */
size_t ks_text_good(const char *text, size_t len);

/* The value of a hexadecimal digit; -1 if it is none. */
int ks_hex_digit(char c);

/* Decodes LEN bytes of percent encoding into OUT, which has room for LEN + 1,
 * and adds a NUL. *out_len does not count it. False on a bad escape. */
bool ks_percent_decode(const char *text, size_t len, char *out,
                       size_t *out_len);

/* Appends TEXT to OUT at *used, encoding all but letters, digits and KEEP's
 * characters, and adds a NUL. False, with OUT unspecified, if SIZE is too
 * small. */
bool ks_percent_encode(const char *text, const char *keep, char *out,
                       size_t size, size_t *used);

#endif
