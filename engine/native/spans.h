/* One query over a span of keys and values. */

#define SPAN 64
#define CROWD 4 /* queries */
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

/* The largest of `count` scores, with room for whole vectors of eight, and of `before`. */
static float largest_of(float *scores, int64_t count, float before) {
    Eight highest = all(before);
    for (int64_t i = count; i % LANES; i++) scores[i] = -INFINITY;
    for (int64_t i = 0; i < count; i += LANES) highest = larger_of(load(scores + i), highest);
    for (int lane = LANES / 2; lane; lane /= 2)
        for (int i = 0; i < lane; i++) highest[i] = highest[i] > highest[i + lane] ? highest[i] : highest[i + lane];
    return highest[0];
}

/* Scores of `count` keys, as powers of two, -> weights, 1 for the largest. Returns their sum. */
static float weigh(float *scores, int64_t count, float largest) {
    Eight total = {0};
    for (int64_t i = 0; i < count; i += LANES) {
        const Eight weight = power_of_two(load(scores + i) - all(largest));
        store(scores + i, weight);
        total += weight;
    }
    for (int lane = LANES / 2; lane; lane /= 2)
        for (int i = 0; i < lane; i++) total[i] += total[i + lane];
    return total[0];
}

/* Scores (rows, SPAN) of so many keys each, as powers of two, -> weights; what was seen is brought up to date, and y,
   whose rows are `stride` floats apart, shrinks as what was mixed before does. The softmax is taken span by span with a
   running maximum (arXiv:1805.02867), so that no row of scores as long as the context is needed. Each part is done for
   all rows before the next: one row's numbers wait for each other. */
static void soften(float *scores, const int64_t *counts, Seen *seen, int rows, float *y, int64_t stride,
                   int64_t width) {
    float largest[CROWD], shrink[CROWD];
    for (int row = 0; row < rows; row++) largest[row] = largest_of(scores + row * SPAN, counts[row], seen[row].largest);
    for (int row = 0; row < rows; row++) {
        shrink[row] = power_of_two(all(seen[row].largest - largest[row]))[0];
        seen[row].sum = seen[row].sum * shrink[row] + weigh(scores + row * SPAN, counts[row], largest[row]);
        seen[row].largest = largest[row];
    }
    for (int row = 0; row < rows; row++)
        for (int64_t i = 0; shrink[row] != 1.0f && i < width; i++) y[row * stride + i] *= shrink[row];
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
    soften(weights, &count, seen, 1, y, 0, width);
    mix_all(weights, values, y, count, width);
}
