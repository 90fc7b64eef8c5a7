/* Eight floats at once, in C that any processor's compiler takes, and an exponential that loops can be made of. */

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

ALWAYS Eight larger_of(Eight left, Eight right) {
    const EightBits is_left = left > right;
    return (Eight)(((EightBits)left & is_left) | ((EightBits)right & ~is_left));
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

/* e to the power of x, to about 1e-7 of it: 2^n times a polynomial over what is left, at most half of ln 2. Below
   -87 it is the smallest normal number, above 88 the largest power. Free of calls and branches, so that a loop of it
   becomes vector instructions. */
ALWAYS float exponential(float x) {
    const float nearest = 12582912.0f; /* 1.5 * 2^23: adding it rounds to whole numbers */
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    const float shifted = x * 1.44269504f + nearest;
    const float n = shifted - nearest;
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f; /* ln 2 in two parts */
    float p = 1.0f / 5040.0f;
    p = p * r + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    int32_t bits;
    float power;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (int32_t)(((uint32_t)bits + 127u) << 23);
    memcpy(&power, &bits, sizeof power);
    return p * power;
}
