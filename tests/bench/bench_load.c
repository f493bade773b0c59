/*
 * How long it takes to load a private key, of two kinds in turns, in one
 * process.
 *
 *   bench_load A B [LOADS [SECRET_B]]
 *
 * A and B are URIs or files; "%u" in them is replaced by 0, 1, ... 9, or, after
 * "@N " before the URI, by numbers below N in no order, so that no cache has
 * what comes next. Prints both medians in microseconds and the median of the
 * pairwise ratios A/B.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "timing.h"

#define LOADS_MAX 100000
#define URI_MAX 1000
#define PRIME 999983u /* no N of ours has it as a factor */

struct source {
    const char *pattern;
    unsigned long n;
    const char *secret;
};

static struct source source_of(const char *text, const char *secret)
{
    struct source source = {text, 10, secret};
    char *end;

    if (text[0] == '@') {
        source.n = strtoul(text + 1, &end, 10);
        source.pattern = end + 1;
    }
    return source;
}

static double load(const struct source *source, unsigned long i)
{
    const char *at = strstr(source->pattern, "%u");
    char uri[URI_MAX];
    double start;

    if (at == NULL)
        (void)snprintf(uri, sizeof(uri), "%s", source->pattern);
    else
        (void)snprintf(uri, sizeof(uri), "%.*s%lu%s",
                       (int)(at - source->pattern), source->pattern,
                       i * PRIME % source->n, at + 2);
    start = bench_now();
    EVP_PKEY_free(bench_load(uri, source->secret));
    return bench_now() - start;
}

int main(int argc, char **argv)
{
    static double a[LOADS_MAX], b[LOADS_MAX], ratio[LOADS_MAX];
    size_t loads = argc > 3 ? strtoul(argv[3], NULL, 10) : 21;

    if (argc < 3 || loads == 0 || loads > LOADS_MAX) {
        fprintf(stderr, "usage: bench_load A B [LOADS [SECRET_B]]\n");
        return 2;
    }
    const struct source ours = source_of(argv[1], NULL);
    const struct source theirs = source_of(argv[2], argc > 4 ? argv[4] : NULL);

    (void)load(&ours, 0);
    (void)load(&theirs, 0);
    for (size_t i = 0; i < loads; i++) {
        a[i] = load(&ours, i);
        b[i] = load(&theirs, i);
        ratio[i] = a[i] / b[i];
    }
    printf("%.1f %.1f %.3f\n", 1e6 * bench_median(a, loads),
           1e6 * bench_median(b, loads), bench_median(ratio, loads));
    return 0;
}
