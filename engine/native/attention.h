/* Attention of the tokens of a step, each over what the cache of its sequence holds up to its own place. */

#define SPAN 64
#define SIDE_BY_SIDE 8 /* vectors of a head's width that stay in registers together */
#define MOST_IN_A_TILE 16

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
        for (int64_t key = 0; key < count; key++) sums[key] += part * load(keys + key * width + channel);
    }
    if (channel < width)
        for (int64_t key = 0; key < count; key++)
            sums[key] += load_some(query + channel, width - channel) *
                         load_some(keys + key * width + channel, width - channel);
    return sums_of(sums);
}

/* y (vectors * 8) += weights (count) of values (count, width) */
ALWAYS void mix_values(const float *weights, const float *values, float *y, int64_t count, int64_t width, int vectors) {
    Eight mixed[SIDE_BY_SIDE];
    for (int i = 0; i < vectors; i++) mixed[i] = load(y + i * LANES);
    for (int64_t place = 0; place < count; place++) {
        const Eight weight = all(weights[place]);
        for (int i = 0; i < vectors; i++) mixed[i] += weight * load(values + place * width + i * LANES);
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

/* One query over one span of keys and values, each (count, width). The softmax is taken span by span with a running
   maximum (arXiv:1805.02867), so that no row of scores as long as the context is needed. */
static void attend_span(const float *query, const float *keys, const float *values, float *y, Seen *seen,
                        int64_t count, int64_t width, float scale) {
    float weights[SPAN], total[LANES] = {0};
    Eight highest = all(seen->largest);
    for (int64_t i = 0; i < count; i += LANES) {
        const int64_t there = count - i < LANES ? count - i : LANES;
        /* Said twice so that the usual one is unrolled. */
        Eight scores = all(scale) * (there == LANES ? eight_scores(query, keys + i * width, LANES, width)
                                                    : eight_scores(query, keys + i * width, there, width));
        for (int64_t lane = there; lane < LANES; lane++) scores[lane] = -INFINITY;
        highest = larger_of(scores, highest);
        store(weights + i, scores);
    }
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
    for (int64_t channel = 0; channel < width; channel++) y[channel] *= shrink;
    mix_all(weights, values, y, count, width);
}

/* One head of `count` tokens of one sequence, the first of them `token`: span by span, so that a span's keys and values
   serve all of them while they are near. queries (T, heads, width), `stride` floats a token -> y (T, heads, width) */
static void attend_tile(const float *queries, int64_t stride, const Places *places, const Heads *h, int64_t layer,
                        int64_t token, int64_t count, int64_t head, float *y) {
    const int64_t width = h->width, kept = places->capacities[token] * width;
    const int64_t last = places->positions[token + count - 1];
    const float *keys = cache_of(places, h, token, layer) + head / (h->heads / h->kv_heads) * kept;
    const float *values = keys + h->kv_heads * kept;
    Seen seen[MOST_IN_A_TILE];
    for (int64_t each = 0; each < count; each++) {
        seen[each] = (Seen){-INFINITY, 0.0f};
        memset(y + ((token + each) * h->heads + head) * width, 0, (size_t)width * sizeof(float));
    }
    for (int64_t start = 0; start <= last; start += SPAN)
        for (int64_t each = 0; each < count; each++) {
            const int64_t end = places->positions[token + each] + 1;
            const int64_t first = h->window && end - h->window > start ? end - h->window : start;
            const int64_t until = end < start + SPAN ? end : start + SPAN;
            if (first < until)
                attend_span(queries + (token + each) * stride + head * width, keys + first * width,
                            values + first * width, y + ((token + each) * h->heads + head) * width, seen + each,
                            until - first, width, h->scale);
        }
    for (int64_t each = 0; each < count; each++)
        for (int64_t channel = 0; channel < width; channel++)
            y[((token + each) * h->heads + head) * width + channel] /= seen[each].sum;
}

/* All heads of all tokens, whose keys and values are in the cache already. Tasks are tiles of few tokens, cut where
   another sequence begins. */
static void attend_all(const float *queries, int64_t stride, const Places *places, const Heads *h, int64_t layer,
                       float *y) {
    int64_t seen = 0, tile = h->tokens / 8;
    tile = tile < 1 ? 1 : tile > MOST_IN_A_TILE ? MOST_IN_A_TILE : tile;
    for (int64_t token = 0; token < h->tokens; token++) seen += places->positions[token] + 1;
#pragma omp parallel for schedule(dynamic, 1) if (2 * seen * h->heads * h->width > WORTH_A_THREAD)
    for (int64_t task = 0; task < (h->tokens + tile - 1) / tile * h->heads; task++) {
        const int64_t head = task % h->heads, start = task / h->heads * tile;
        const int64_t end = start + tile < h->tokens ? start + tile : h->tokens;
        for (int64_t token = start, count; token < end; token += count) {
            for (count = 1; token + count < end && places->slots[token + count] == places->slots[token];) count++;
            attend_tile(queries, stride, places, h, layer, token, count, head, y);
        }
    }
}

/* One token's keys and values, each (kv_heads, width), into its place. */
static void remember(const float *keys, const float *values, const Places *places, const Heads *h, int64_t layer,
                     int64_t token) {
    const int64_t kept = places->capacities[token] * h->width;
    const size_t bytes = (size_t)h->width * sizeof(float);
    float *place = cache_of(places, h, token, layer) + places->positions[token] * h->width;
    for (int64_t head = 0; head < h->kv_heads; head++) {
        memcpy(place + head * kept, keys + head * h->width, bytes);
        memcpy(place + (h->kv_heads + head) * kept, values + head * h->width, bytes);
    }
}

/* Store new keys and values, then attend: each token sees the last `window` places up to its own, or all of them where
   `window` is 0. queries (T, heads, width), keys and values (T, kv_heads, width), whose tokens are `strides` floats
   apart -> y (T, heads * width) */
void attend(const float *queries, const float *keys, const float *values, const int64_t *strides, const Places *places,
            const Heads *h, int64_t layer, float *y) {
    for (int64_t token = 0; token < h->tokens; token++)
        remember(keys + token * strides[1], values + token * strides[2], places, h, layer, token);
    attend_all(queries, strides[0], places, h, layer, y);
}
