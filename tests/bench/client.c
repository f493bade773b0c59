/*
 * Signs with a key on a token; scripts/bench starts several such programs and
 * gives them turns.
 *
 *   bench_hsm_X once|serve ec|rsa sign|digest KEY
 *
 * once signs once and ends. serve reads lines "THREADS MILLISECONDS" and
 * answers each with the signatures per second of all threads together.
 */
#include "client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timing.h"

#define THREADS_MAX 16

const unsigned char client_data[CLIENT_DATA_LEN] = {
    0x9f, 0x86, 0xd0, 0x81, 0x88, 0x4c, 0x7d, 0x65, 0x9a, 0x2f, 0xea,
    0xa0, 0xc5, 0x5a, 0xd0, 0x15, 0xa3, 0xbf, 0x4f, 0x1b, 0x2b, 0x0b,
    0x82, 0x2c, 0xd1, 0x5d, 0x6c, 0x15, 0xb0, 0xf0, 0x0a, 0x08};

struct worker {
    pthread_t id;
    void *thread;
    double seconds;
    double rate;
};

static void *work(void *arg)
{
    struct worker *worker = arg;
    double start = bench_now();
    double at = start;
    unsigned long done = 0;

    while (at < start + worker->seconds) {
        client_sign(worker->thread);
        done++;
        at = bench_now();
    }
    worker->rate = (double)done / (at - start);
    return NULL;
}

/* Two threads are two new ones, so that all are alike. */
static double slice(struct worker *workers, size_t n, double seconds)
{
    double rate = 0;

    for (size_t i = 0; i < n; i++) {
        workers[i].seconds = seconds;
        if (n == 1)
            (void)work(&workers[i]);
        else if (pthread_create(&workers[i].id, NULL, work, &workers[i]) != 0)
            exit(1);
    }
    for (size_t i = 0; i < n; i++) {
        if (n > 1)
            pthread_join(workers[i].id, NULL);
        rate += workers[i].rate;
    }
    return rate;
}

static void serve(void *first)
{
    struct worker workers[THREADS_MAX] = {{.thread = first}};
    unsigned threads, made = 1;
    char line[64];
    double ms;

    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (sscanf(line, "%u %lf", &threads, &ms) != 2 || threads == 0 ||
            threads > THREADS_MAX) {
            fprintf(stderr, "bench: not \"THREADS MILLISECONDS\": %s", line);
            exit(2);
        }
        for (; made < threads; made++)
            workers[made].thread = client_thread_new();
        printf("%.1f\n", slice(workers, threads, ms / 1000));
        fflush(stdout);
    }
    while (made > 1)
        client_thread_free(workers[--made].thread);
}

static bool is_one_of(const char *word, const char *one, const char *other)
{
    return strcmp(word, one) == 0 || strcmp(word, other) == 0;
}

int main(int argc, char **argv)
{
    struct client_job job = {.module = getenv("BENCH_MODULE"),
                             .token = getenv("BENCH_TOKEN"),
                             .pin = getenv("BENCH_PIN")};
    void *first;

    if (argc != 5 || !is_one_of(argv[1], "once", "serve") ||
        !is_one_of(argv[2], "ec", "rsa") ||
        !is_one_of(argv[3], "sign", "digest") || job.module == NULL ||
        job.token == NULL || job.pin == NULL) {
        fprintf(stderr,
                "usage: BENCH_MODULE=PATH BENCH_TOKEN=LABEL "
                "BENCH_PIN=PIN %s once|serve ec|rsa sign|digest KEY\n",
                argv[0]);
        return 2;
    }
    job.key = argv[4];
    job.rsa = strcmp(argv[2], "rsa") == 0;
    job.digest = strcmp(argv[3], "digest") == 0;
    client_open(&job);
    first = client_thread_new();
    client_sign(first);
    if (strcmp(argv[1], "serve") == 0)
        serve(first);
    client_thread_free(first);
    client_close();
    return 0;
}
