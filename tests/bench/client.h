/*
 * What the programs that sign with a key on a token have in common: client.c
 * has their main(), each client_X.c these five functions. Every failure ends
 * the program.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stdbool.h>

/* What is signed: always the same 32 bytes, a SHA-256 value to those who sign
 * digests and a message to those who digest. */
#define CLIENT_DATA_LEN 32
extern const unsigned char client_data[CLIENT_DATA_LEN];

struct client_job {
    const char *module; /* BENCH_MODULE, BENCH_TOKEN, BENCH_PIN */
    const char *token;
    const char *pin;
    const char *key; /* a label, or a URI */
    bool rsa;
    bool digest; /* the client digests; else it signs a digest */
};

/* Finds the key, logged in. JOB is borrowed for good. */
void client_open(const struct client_job *job);
void client_close(void);

/* What one thread needs of its own; the main thread's comes first. */
void *client_thread_new(void);
void client_thread_free(void *thread);

/* One signature. */
void client_sign(void *thread);

#endif
