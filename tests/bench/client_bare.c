/*
 * The bare program: Cryptoki and nothing else. The private key by its label,
 * then C_SignInit and C_Sign; a session for each thread.
 */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cryptoki.h"

#define THREADS_MAX 16
#define INFO_LEN 19

/* DigestInfo of SHA-256 (RFC 8017, 9.2, note 1) before the digest. */
static const unsigned char digest_info[INFO_LEN] = {
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
    0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

struct thread {
    CK_SESSION_HANDLE session;
};

static CK_FUNCTION_LIST *f;
static CK_SLOT_ID slot;
static CK_OBJECT_HANDLE key;
static CK_MECHANISM mechanism;
static unsigned char input[INFO_LEN + CLIENT_DATA_LEN];
static CK_ULONG input_len;
static struct thread threads[THREADS_MAX];
static size_t n_threads;
static size_t n_given;

static struct thread *session_new(void)
{
    struct thread *thread;

    if (n_threads == THREADS_MAX)
        exit(1);
    thread = &threads[n_threads++];
    cryptoki_must("C_OpenSession",
                  f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL,
                                   &thread->session));
    return thread;
}

static CK_OBJECT_HANDLE find(CK_SESSION_HANDLE session, const char *label)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)},
                             {CKA_LABEL, (void *)(size_t)label, strlen(label)}};
    CK_OBJECT_HANDLE found;
    CK_ULONG n = 0;

    cryptoki_must("C_FindObjectsInit",
                  f->C_FindObjectsInit(session, wanted, 2));
    cryptoki_must("C_FindObjects", f->C_FindObjects(session, &found, 1, &n));
    cryptoki_must("C_FindObjectsFinal", f->C_FindObjectsFinal(session));
    if (n != 1) {
        fprintf(stderr, "bench: no private key \"%s\"\n", label);
        exit(1);
    }
    return found;
}

void client_open(const struct client_job *job)
{
    CK_SESSION_HANDLE session;

    f = cryptoki_open(job->module);
    slot = cryptoki_slot(f, job->token);
    session = session_new()->session;
    cryptoki_must("C_Login", f->C_Login(session, CKU_USER,
                                        (unsigned char *)(size_t)job->pin,
                                        strlen(job->pin)));
    key = find(session, job->key);
    mechanism.mechanism = job->rsa ? CKM_RSA_PKCS : CKM_ECDSA;
    if (job->rsa) {
        memcpy(input, digest_info, INFO_LEN);
        input_len = INFO_LEN;
    }
    memcpy(input + input_len, client_data, CLIENT_DATA_LEN);
    input_len += CLIENT_DATA_LEN;
}

void client_close(void)
{
    cryptoki_must("C_Finalize", f->C_Finalize(NULL));
}

void *client_thread_new(void)
{
    struct thread *thread;

    if (n_given == n_threads)
        (void)session_new();
    thread = &threads[n_given++];
    return thread;
}

void client_thread_free(void *thread)
{
    cryptoki_must("C_CloseSession",
                  f->C_CloseSession(((struct thread *)thread)->session));
}

void client_sign(void *thread)
{
    CK_SESSION_HANDLE session = ((struct thread *)thread)->session;
    unsigned char sig[1024];
    CK_ULONG sig_len = sizeof(sig);

    cryptoki_must("C_SignInit", f->C_SignInit(session, &mechanism, key));
    cryptoki_must("C_Sign",
                  f->C_Sign(session, input, input_len, sig, &sig_len));
}
