/* Eight floats at once, in C that any processor's compiler takes, and what is made of powers. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define LANES 8
#define ALWAYS static inline __attribute__((always_inline))
/* Waking the other threads costs some microseconds, and far more where something else runs on their cores: work of
   fewer multiplications than this is done by one. */
#define WORTH_A_THREAD 600000

typedef float Eight __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t EightBits __attribute__((vector_size(LANES * sizeof(int32_t))));

ALWAYS Eight load(const float *from) {
    Eight values;
    memcpy(&values, from, sizeof values);
    return values;
}

/* The first `count` of eight, the others zero. */
ALWAYS Eight load_some(const float *from, int64_t count) {
    Eight values = {0};
    memcpy(&values, from, (size_t)count * sizeof(float));
    return values;
}

ALWAYS void store(float *to, Eight values) { memcpy(to, &values, sizeof values); }

ALWAYS Eight all(float value) {
    return (Eight){value, value, value, value, value, value, value, value};
}

/* The right one where they cannot be compared. */
ALWAYS Eight larger_of(Eight left, Eight right) {
#if defined(__AVX2__)
    return (Eight)_mm256_max_ps((__m256)left, (__m256)right);
#else
    const EightBits is_left = left > right;
    return (Eight)(((EightBits)left & is_left) | ((EightBits)right & ~is_left));
#endif
}

/* sum + left * right, rounded once where the processor can. Said outright: left to itself, gcc does so here and not
   there, and on some processors never in a loop. */
ALWAYS Eight add_product(Eight sum, Eight left, Eight right) {
#if defined(__AVX2__) && defined(__FMA__)
    return (Eight)_mm256_fmadd_ps((__m256)left, (__m256)right, (__m256)sum);
#else
    return sum + left * right;
#endif
}

/* The sum of each of eight vectors, always added in the same order. */
ALWAYS Eight sums_of(const Eight *x) {
#if defined(__AVX2__)
    const __m256 low = _mm256_hadd_ps(_mm256_hadd_ps((__m256)x[0], (__m256)x[1]),
                                      _mm256_hadd_ps((__m256)x[2], (__m256)x[3]));
    const __m256 high = _mm256_hadd_ps(_mm256_hadd_ps((__m256)x[4], (__m256)x[5]),
                                       _mm256_hadd_ps((__m256)x[6], (__m256)x[7]));
    return (Eight)_mm256_add_ps(_mm256_permute2f128_ps(low, high, 0x20), _mm256_permute2f128_ps(low, high, 0x31));
#else
    Eight sums;
    for (int i = 0; i < LANES; i++)
        sums[i] = ((x[i][0] + x[i][1]) + (x[i][2] + x[i][3])) + ((x[i][4] + x[i][5]) + (x[i][6] + x[i][7]));
    return sums;
#endif
}

#define POWER_OF_E 1.44269504f /* e is 2 to the power of this */

/* 2 to the power of each x, to about 1e-7 of it: 2^n times a polynomial (the best of its degree) over what is left, at
   most a half. Below -125 it is as small as there, above 127 as large. */
ALWAYS Eight power_of_two(Eight x) {
    static const float factors[] = {1.3399931e-3f, 9.6184891e-3f, 5.5503286e-2f, 2.4022646e-1f, 6.9314718e-1f, 1.0f};
    const Eight nearest = all(12582912.0f); /* 1.5 * 2^23: adding it rounds to whole numbers */
    x = larger_of(all(-125.0f), x);
    x = -larger_of(all(-127.0f), -x);
    const Eight shifted = x + nearest, rest = x - (shifted - nearest);
    Eight p = all(1.5345812e-4f);
    for (int i = 0; i < 6; i++) p = add_product(all(factors[i]), p, rest);
    return (Eight)((EightBits)p + ((EightBits)shifted << 23)); /* n is in the last bits of `shifted` */
}

/* x / (1 + e^-x) * up, for each of eight */
ALWAYS Eight gated(Eight x, Eight up) {
    return x / (all(1.0f) + power_of_two(all(-POWER_OF_E) * x)) * up;
}
