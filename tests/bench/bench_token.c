/*
 * Makes a token to measure on: label, both PINs, and N key pairs: "ec" (P-256)
 * first, then "rsa" (2048 bits) unless N is 1, then "other-3" and so on.
 *
 *   BENCH_MODULE=PATH BENCH_TOKEN=LABEL BENCH_PIN=PIN bench_token N
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cryptoki.h"

/* DER of the OID prime256v1 (RFC 5480, 2.1.1.1). */
static unsigned char p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48,
                               0xce, 0x3d, 0x03, 0x01, 0x07};
static unsigned char f4[] = {0x01, 0x00, 0x01};
static CK_ULONG rsa_bits = 2048;

static CK_FUNCTION_LIST *f;
static CK_SESSION_HANDLE session;

static void make_pair(const char *label, unsigned number)
{
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    int rsa = strcmp(label, "rsa") == 0;
    CK_MECHANISM mechanism = {
        rsa ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE name = {CKA_LABEL, (void *)(size_t)label, strlen(label)};
    CK_ATTRIBUTE id = {CKA_ID, &number, sizeof(number)};
    CK_ATTRIBUTE ec = {CKA_EC_PARAMS, p256, sizeof(p256)};
    CK_ATTRIBUTE bits = {CKA_MODULUS_BITS, &rsa_bits, sizeof(rsa_bits)};
    CK_ATTRIBUTE public[] = {{CKA_TOKEN, &yes, 1},
                             {CKA_PRIVATE, &no, 1},
                             {CKA_VERIFY, &yes, 1},
                             name,
                             id,
                             rsa ? bits : ec,
                             {CKA_PUBLIC_EXPONENT, f4, sizeof(f4)}};
    CK_ATTRIBUTE private[] = {{CKA_TOKEN, &yes, 1},
                              {CKA_PRIVATE, &yes, 1},
                              {CKA_SIGN, &yes, 1},
                              {CKA_SENSITIVE, &yes, 1},
                              {CKA_EXTRACTABLE, &no, 1},
                              name,
                              id};
    CK_OBJECT_HANDLE a, b;

    cryptoki_must("C_GenerateKeyPair",
                  f->C_GenerateKeyPair(session, &mechanism, public, rsa ? 7 : 6,
                                       private, 7, &a, &b));
}

static void make_token(const char *label, const char *pin)
{
    unsigned char *p = (unsigned char *)(size_t)pin;
    CK_ULONG len = strlen(pin);
    unsigned char padded[33];
    CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    CK_SLOT_ID slot = cryptoki_slot(f, NULL);

    snprintf((char *)padded, sizeof(padded), "%-32s", label);
    cryptoki_must("C_InitToken", f->C_InitToken(slot, p, len, padded));
    slot = cryptoki_slot(f, label);
    cryptoki_must("C_OpenSession",
                  f->C_OpenSession(slot, flags, NULL, NULL, &session));
    cryptoki_must("C_Login", f->C_Login(session, CKU_SO, p, len));
    cryptoki_must("C_InitPIN", f->C_InitPIN(session, p, len));
    cryptoki_must("C_Logout", f->C_Logout(session));
    cryptoki_must("C_Login", f->C_Login(session, CKU_USER, p, len));
}

int main(int argc, char **argv)
{
    const char *module = getenv("BENCH_MODULE");
    const char *token = getenv("BENCH_TOKEN");
    const char *pin = getenv("BENCH_PIN");
    unsigned long pairs = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    char label[32];

    if (pairs == 0 || module == NULL || token == NULL || pin == NULL) {
        fprintf(stderr, "usage: BENCH_MODULE=PATH BENCH_TOKEN=LABEL "
                        "BENCH_PIN=PIN bench_token PAIRS\n");
        return 2;
    }
    f = cryptoki_open(module);
    make_token(token, pin);
    for (unsigned i = 1; i <= pairs; i++) {
        snprintf(label, sizeof(label), "other-%u", i);
        make_pair(i == 1 ? "ec" : i == 2 ? "rsa" : label, i);
    }
    cryptoki_must("C_Finalize", f->C_Finalize(NULL));
    return 0;
}
