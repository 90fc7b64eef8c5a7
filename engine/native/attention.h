/* Attention of the tokens of a step, each over what the cache of its sequence holds up to its own place. */

#define MOST_IN_A_TILE 32
#define HEADS_AT_ONCE 4

/* Some heads that share keys and values, of `count` tokens of one sequence, the first of them `token`. */
typedef struct {
    int64_t token, count, head, heads;
} Tile;

/* Whether the queries of a tile are worth turning the keys for, and none of them has places to forget. */
static int is_crowd(const Tile *t, const Places *places, const Heads *h) {
    return t->count >= CROWD && h->width % LANES == 0 && h->width <= MOST_WIDE &&
           (!h->window || places->positions[t->token + t->count - 1] < h->window);
}

/* A tile's queries of one head over the span at `start`; `turned` holds its keys if they form crowds. */
static void attend_head(const float *queries, int64_t stride, const Places *places, const Heads *h, const Tile *t,
                        int64_t head, int64_t start, const float *keys, const float *values, const float *turned,
                        Seen *seen, float *y) {
    const int64_t width = h->width, *positions = places->positions + t->token;
    const float scale = h->scale * POWER_OF_E;
    queries += t->token * stride + head * width;
    y += (t->token * h->heads + head) * width;
    int64_t each = 0;
    for (; turned && each + CROWD <= t->count; each += CROWD) {
        const Crowd crowd = {queries + each * stride, y + each * h->heads * width, stride, h->heads * width};
        int64_t counts[CROWD];
        for (int row = 0; row < CROWD; row++) {
            const int64_t count = positions[each + row] + 1 - start;
            counts[row] = count < 0 ? 0 : count < SPAN ? count : SPAN;
        }
        if (counts[CROWD - 1] > 0)
            attend_crowd(&crowd, turned, values + start * width, seen + each, counts, width, scale);
    }
    for (; each < t->count; each++) {
        const int64_t end = positions[each] + 1;
        const int64_t first = h->window && end - h->window > start ? end - h->window : start;
        const int64_t until = end < start + SPAN ? end : start + SPAN;
        if (first < until)
            attend_span(queries + each * stride, keys + first * width, values + first * width,
                        y + each * h->heads * width, seen + each, until - first, width, scale);
    }
}

/* A tile span by span, so that a span's keys and values serve all of it while they are near. queries (T, heads, width),
   `stride` floats a token -> y (T, heads, width) */
static void attend_tile(const float *queries, int64_t stride, const Places *places, const Heads *h, int64_t layer,
                        const Tile *t, float *y) {
    const int64_t width = h->width, kept = places->capacities[t->token] * width;
    const int64_t last = places->positions[t->token + t->count - 1], crowd = is_crowd(t, places, h);
    const float *keys = cache_of(places, h, t->token, layer) + t->head / (h->heads / h->kv_heads) * kept;
    const float *values = keys + h->kv_heads * kept;
    float turned[SPAN * MOST_WIDE], *results = y + (t->token * h->heads + t->head) * width;
    Seen seen[HEADS_AT_ONCE * MOST_IN_A_TILE];
    for (int64_t i = 0; i < t->heads * MOST_IN_A_TILE; i++) seen[i] = (Seen){-INFINITY, 0.0f};
    for (int64_t each = 0; each < t->count; each++)
        memset(results + each * h->heads * width, 0, (size_t)(t->heads * width) * sizeof(float));
    for (int64_t start = 0; start <= last; start += SPAN) {
        if (crowd) turn_keys(keys + start * width, last + 1 - start < SPAN ? last + 1 - start : SPAN, width, turned);
        for (int64_t head = 0; head < t->heads; head++)
            attend_head(queries, stride, places, h, t, t->head + head, start, keys, values, crowd ? turned : NULL,
                        seen + head * MOST_IN_A_TILE, y);
    }
    for (int64_t each = 0; each < t->count; each++)
        for (int64_t head = 0; head < t->heads; head++) {
            const float sum = seen[head * MOST_IN_A_TILE + each].sum;
            for (int64_t i = 0; i < width; i++) results[(each * h->heads + head) * width + i] /= sum;
        }
}

/* How many heads with the same keys are worth one task: as many as share them where there are many tokens. */
static int64_t heads_of_a_tile(const Heads *h, int64_t tile) {
    const int64_t sharing = h->heads / h->kv_heads;
    for (int64_t heads = tile < CROWD ? 1 : HEADS_AT_ONCE; heads > 1; heads--)
        if (sharing % heads == 0) return heads;
    return 1;
}

/* All heads of all tokens, whose keys and values are in the cache already. Tasks are tiles of few tokens, cut where
   another sequence begins. */
static void attend_all(const float *queries, int64_t stride, const Places *places, const Heads *h, int64_t layer,
                       float *y) {
    int64_t seen = 0, tile = h->tokens / 8;
    tile = tile < 1 ? 1 : tile > MOST_IN_A_TILE ? MOST_IN_A_TILE : tile;
    const int64_t heads = heads_of_a_tile(h, tile), parts = h->heads / heads;
    for (int64_t token = 0; token < h->tokens; token++) seen += places->positions[token] + 1;
#pragma omp parallel for schedule(dynamic, 1) if (2 * seen * h->heads * h->width > WORTH_A_THREAD)
    for (int64_t left = (h->tokens + tile - 1) / tile * parts; left > 0; left--) {
        const int64_t task = left - 1; /* the last see most */
        const int64_t start = task / parts * tile;
        const int64_t end = start + tile < h->tokens ? start + tile : h->tokens;
        Tile part = {start, 0, task % parts * heads, heads};
        for (; part.token < end; part.token += part.count) {
            const int64_t token = part.token;
            part.count = 1;
            while (token + part.count < end && places->slots[token + part.count] == places->slots[token]) part.count++;
            attend_tile(queries, stride, places, h, layer, &part, y);
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
