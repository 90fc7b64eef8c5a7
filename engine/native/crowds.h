/* Several queries over a span of keys and values at once, so that what is loaded serves all of them. Every number is
   added in the order of a single query's, so that a row is the same alone and in a crowd. */

#define KEYS_AT_ONCE 2 /* vectors of eight */
#define MOST_WIDE 128  /* a span of keys of this width fits a core's own cache */

/* Queries of one head of neighbouring tokens, `stride` floats apart, whose results are `y_stride` floats apart. */
typedef struct {
    const float *queries;
    float *y;
    int64_t stride, y_stride;
} Crowd;

/* In a register, where the compiler would load it again for each of a crowd. */
#if defined(__AVX2__)
#define KEPT(vector) __asm__("" : "+x"(vector))
#else
#define KEPT(vector)
#endif

#if defined(__AVX2__)

/* Eight rows, `stride` floats apart, as eight columns, SPAN floats apart */
ALWAYS void turn_eight(const float *from, int64_t stride, float *to) {
    __m256 pairs[8], fours[8];
    for (int i = 0; i < 8; i += 2) {
        const __m256 upper = _mm256_loadu_ps(from + i * stride), lower = _mm256_loadu_ps(from + (i + 1) * stride);
        pairs[i] = _mm256_unpacklo_ps(upper, lower);
        pairs[i + 1] = _mm256_unpackhi_ps(upper, lower);
    }
    for (int i = 0; i < 8; i += 4)
        for (int half = 0; half < 2; half++) {
            fours[i + 2 * half] = _mm256_shuffle_ps(pairs[i + half], pairs[i + half + 2], 0x44);
            fours[i + 2 * half + 1] = _mm256_shuffle_ps(pairs[i + half], pairs[i + half + 2], 0xee);
        }
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(to + i * SPAN, _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x20));
        _mm256_storeu_ps(to + (i + 4) * SPAN, _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x31));
    }
}

#else

ALWAYS void turn_eight(const float *from, int64_t stride, float *to) {
    for (int row = 0; row < LANES; row++)
        for (int column = 0; column < LANES; column++) to[column * SPAN + row] = from[row * stride + column];
}

#endif

/* keys (count, width) -> turned (width, SPAN); keys up to the next 16 that are not there are zero */
static void turn_keys(const float *keys, int64_t count, int64_t width, float *turned) {
    const int64_t whole = count / LANES * LANES, step = KEYS_AT_ONCE * LANES;
    for (int64_t key = 0; key < whole; key += LANES)
        for (int64_t channel = 0; channel < width; channel += LANES)
            turn_eight(keys + key * width + channel, width, turned + channel * SPAN + key);
    for (int64_t key = whole; key < (count + step - 1) / step * step; key++)
        for (int64_t channel = 0; channel < width; channel++)
            turned[channel * SPAN + key] = key < count ? keys[key * width + channel] : 0.0f;
}

/* Scaled scores of a crowd with sixteen turned keys -> scores (CROWD, SPAN), added up as `eight_scores` does it */
static void score_crowd(const Crowd *crowd, const float *turned, float *scores, int64_t width, float scale) {
    Eight parts[LANES][CROWD * KEYS_AT_ONCE];
    for (int lane = 0; lane < LANES; lane++) {
        Eight sums[CROWD * KEYS_AT_ONCE] = {{0}};
        for (int64_t channel = lane; channel < width; channel += LANES) {
            Eight first = load(turned + channel * SPAN), second = load(turned + channel * SPAN + LANES);
            KEPT(first);
            KEPT(second);
            for (int row = 0; row < CROWD; row++) {
                const Eight query = all(crowd->queries[row * crowd->stride + channel]);
                Eight *sum = sums + row * KEYS_AT_ONCE;
                sum[0] = add_product(sum[0], query, first);
                sum[1] = add_product(sum[1], query, second);
            }
        }
        for (int i = 0; i < CROWD * KEYS_AT_ONCE; i++) parts[lane][i] = sums[i];
    }
    for (int i = 0; i < CROWD * KEYS_AT_ONCE; i++)
        store(scores + i / KEYS_AT_ONCE * SPAN + i % KEYS_AT_ONCE * LANES,
              all(scale) * (((parts[0][i] + parts[1][i]) + (parts[2][i] + parts[3][i])) +
                            ((parts[4][i] + parts[5][i]) + (parts[6][i] + parts[7][i]))));
}

/* `vectors` vectors of y of each of a crowd += weights (CROWD, SPAN) of values (count, width) */
ALWAYS void mix_crowd(const Crowd *crowd, const float *weights, const float *values, int64_t channel, int64_t count,
                      int64_t width, int vectors) {
    Eight mixed[CROWD * 2];
    for (int i = 0; i < CROWD * vectors; i++)
        mixed[i] = load(crowd->y + i / vectors * crowd->y_stride + channel + i % vectors * LANES);
    for (int64_t place = 0; place < count; place++) {
        Eight value[2];
        for (int i = 0; i < vectors; i++) {
            value[i] = load(values + place * width + channel + i * LANES);
            KEPT(value[i]);
        }
        for (int row = 0; row < CROWD; row++) {
            const Eight weight = all(weights[row * SPAN + place]);
            for (int i = 0; i < vectors; i++) {
                Eight *sum = mixed + row * vectors + i;
                *sum = add_product(*sum, weight, value[i]);
            }
        }
    }
    for (int i = 0; i < CROWD * vectors; i++)
        store(crowd->y + i / vectors * crowd->y_stride + channel + i % vectors * LANES, mixed[i]);
}

/* A crowd over one span, whose row r sees the first counts[r] places, the last row most. */
static void attend_crowd(const Crowd *crowd, const float *turned, const float *values, Seen *seen,
                         const int64_t *counts, int64_t width, float scale) {
    float weights[CROWD * SPAN];
    int64_t common = counts[CROWD - 1], channel = 0;
    for (int64_t key = 0; key < counts[CROWD - 1]; key += KEYS_AT_ONCE * LANES)
        score_crowd(crowd, turned + key, weights + key, width, scale);
    for (int row = 0; row < CROWD; row++) common = counts[row] < common ? counts[row] : common;
    soften(weights, counts, seen, CROWD, crowd->y, crowd->y_stride, width);
    for (; channel + 2 * LANES <= width; channel += 2 * LANES)
        mix_crowd(crowd, weights, values, channel, common, width, 2);
    for (; channel < width; channel += LANES) mix_crowd(crowd, weights, values, channel, common, width, 1);
    for (int row = 0; row < CROWD; row++)
        if (counts[row] > common)
            mix_all(weights + row * SPAN + common, values + common * width, crowd->y + row * crowd->y_stride,
                    counts[row] - common, width);
}
