/* One query over a span of keys and values. */

#define SPAN 64
#define SIDE_BY_SIDE 8 /* vectors of a head's width that stay in registers together */

/* Where tokens keep their keys and values: token t's at place positions[t] of the cache at slots[t], which is
   (layers, 2, kv_heads, capacities[t], width). Tokens of one sequence stand in a row. */
typedef struct {
    float *const *slots;
    const int64_t *capacities, *positions;
} Places;

typedef struct {
    int64_t tokens, heads, kv_heads, width, window;
    float scale;
} Heads;

/* What a query has seen so far. */
typedef struct {
    float largest, sum;
} Seen;

static float *cache_of(const Places *places, const Heads *h, int64_t token, int64_t layer) {
    return places->slots[token] + layer * 2 * h->kv_heads * places->capacities[token] * h->width;
}

/* query . key for eight keys, `width` floats apart, of which `count` are there */
ALWAYS Eight eight_scores(const float *query, const float *keys, int64_t count, int64_t width) {
    Eight sums[LANES] = {{0}};
    int64_t channel = 0;
    for (; channel + LANES <= width; channel += LANES) {
        const Eight part = load(query + channel);
        for (int64_t key = 0; key < count; key++)
            sums[key] = add_product(sums[key], part, load(keys + key * width + channel));
    }
    if (channel < width)
        for (int64_t key = 0; key < count; key++)
            sums[key] = add_product(sums[key], load_some(query + channel, width - channel),
                                    load_some(keys + key * width + channel, width - channel));
    return sums_of(sums);
}

/* y (vectors * 8) += weights (count) of values (count, width) */
ALWAYS void mix_values(const float *weights, const float *values, float *y, int64_t count, int64_t width, int vectors) {
    Eight mixed[SIDE_BY_SIDE];
    for (int i = 0; i < vectors; i++) mixed[i] = load(y + i * LANES);
    for (int64_t place = 0; place < count; place++) {
        const Eight weight = all(weights[place]);
        for (int i = 0; i < vectors; i++)
            mixed[i] = add_product(mixed[i], weight, load(values + place * width + i * LANES));
    }
    for (int i = 0; i < vectors; i++) store(y + i * LANES, mixed[i]);
}

static void mix_all(const float *weights, const float *values, float *y, int64_t count, int64_t width) {
    int64_t channel = 0;
    for (; channel + SIDE_BY_SIDE * LANES <= width; channel += SIDE_BY_SIDE * LANES)
        mix_values(weights, values + channel, y + channel, count, width, SIDE_BY_SIDE);
    for (; channel + LANES <= width; channel += LANES)
        mix_values(weights, values + channel, y + channel, count, width, 1);
    for (; channel < width; channel++)
        for (int64_t place = 0; place < count; place++) y[channel] += weights[place] * values[place * width + channel];
}

/* Scores of `count` keys, with room for whole vectors of eight -> weights, and what was seen brought up to date. The
   softmax is taken span by span with a running maximum (arXiv:1805.02867), so that no row of scores as long as the
   context is needed. Returns by how much what was mixed before shrinks. */
static float soften(float *weights, int64_t count, Seen *seen) {
    float total[LANES] = {0};
    Eight highest = all(seen->largest);
    for (int64_t i = count; i % LANES; i++) weights[i] = -INFINITY;
    for (int64_t i = 0; i < count; i += LANES) highest = larger_of(load(weights + i), highest);
    float largest = highest[0];
    for (int lane = 1; lane < LANES; lane++) largest = highest[lane] > largest ? highest[lane] : largest;
    for (int64_t i = 0; i < count; i += LANES)
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++)
            total[lane] += weights[i + lane] = exponential(weights[i + lane] - largest);
    const float shrink = exponential(seen->largest - largest);
    seen->largest = largest;
    seen->sum *= shrink;
    for (int lane = 0; lane < LANES; lane++) seen->sum += total[lane];
    return shrink;
}

/* One query over one span of keys and values, each (count, width) */
static void attend_span(const float *query, const float *keys, const float *values, float *y, Seen *seen,
                        int64_t count, int64_t width, float scale) {
    float weights[SPAN];
    for (int64_t i = 0; i < count; i += LANES) {
        const int64_t there = count - i < LANES ? count - i : LANES;
        /* Said twice so that the usual one is unrolled. */
        store(weights + i, all(scale) * (there == LANES ? eight_scores(query, keys + i * width, LANES, width)
                                                        : eight_scores(query, keys + i * width, there, width)));
    }
    const float shrink = soften(weights, count, seen);
    for (int64_t channel = 0; channel < width; channel++) y[channel] *= shrink;
    mix_all(weights, values, y, count, width);
}
