/* What every measuring program needs: a clock and a median. */
#ifndef BENCH_TIMING_H
#define BENCH_TIMING_H

#include <stddef.h>

/* Seconds of a clock that nobody sets. */
double bench_now(void);

/* The middle one; sorts VALUES. */
double bench_median(double *values, size_t n);

#endif
