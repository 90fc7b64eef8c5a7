/* A whole step: the tokens of all its sequences through all layers of a plain decoder. */

typedef struct {
    const float *first_norm, *second_norm;
    Matrix qkv, output, gate_up, down;
} Layer;

typedef struct {
    int64_t tokens, hidden, heads, kv_heads, width, inner, layers;
    float epsilon, scale;
} Sizes;

/* What lies between a layer's parts. */
typedef struct {
    float *joined, *turned, *mixed; /* (T, wide), (T, heads + kv_heads, width), (T, hidden or heads * width) */
    Quantised quantised;            /* (T, widest) */
} Between;

static int64_t larger(int64_t left, int64_t right) { return left > right ? left : right; }

/* Room for all of it in two pieces, whose addresses are `mixed` and `quantised.numbers`; either may be NULL. */
static Between room_for(const Sizes *s) {
    const int64_t queries = s->heads * s->width, turned = queries + s->kv_heads * s->width;
    const int64_t mixed = larger(s->hidden, queries), widest = larger(mixed, s->inner), blocks = widest / BLOCK;
    const int64_t wide = larger(turned + s->kv_heads * s->width, larger(s->inner, s->hidden));
    Between between;
    between.mixed = malloc((size_t)(s->tokens * (mixed + wide + turned + 2 * blocks)) * sizeof(float));
    between.quantised.numbers = malloc((size_t)(s->tokens * widest));
    between.joined = between.mixed + s->tokens * mixed;
    between.turned = between.joined + s->tokens * wide;
    between.quantised.scales = between.turned + s->tokens * turned;
    between.quantised.sums = between.quantised.scales + s->tokens * blocks;
    return between;
}

/* Norm, then quantise, each token by itself; `add` (T, hidden) is added to x before, where it is given. */
static void norm_and_quantise(float *x, const float *add, const float *norm, const Between *b, const Sizes *s) {
    const int64_t hidden = s->hidden;
#pragma omp parallel for if (8 * s->tokens * hidden > WORTH_A_THREAD)
    for (int64_t token = 0; token < s->tokens; token++) {
        float *row = x + token * hidden, *normed = b->mixed + token * hidden;
        for (int64_t i = 0; add && i < hidden; i++) row[i] += add[token * hidden + i];
        norm_row(row, norm, normed, hidden, s->epsilon);
        quantise_row(normed, &b->quantised, token, hidden / BLOCK);
    }
}

static void turn_and_remember(const float *cosines, const float *sines, const Places *places, const Heads *h,
                              const Between *b, int64_t layer) {
    const int64_t turned = (h->heads + h->kv_heads) * h->width, joined = turned + h->kv_heads * h->width;
#pragma omp parallel for if (4 * h->tokens * turned > WORTH_A_THREAD)
    for (int64_t token = 0; token < h->tokens; token++) {
        const float *from = b->joined + token * joined;
        float *to = b->turned + token * turned;
        rotate_row(from, cosines + token * h->width, sines + token * h->width, to, h->heads + h->kv_heads, h->width);
        remember(to + h->heads * h->width, from + turned, places, h, layer, token);
    }
}

static void quantise_all(const float *x, const Quantised *into, int64_t tokens, int64_t width) {
#pragma omp parallel for if (8 * tokens * width > WORTH_A_THREAD)
    for (int64_t token = 0; token < tokens; token++) quantise_row(x + token * width, into, token, width / BLOCK);
}

/* Norm, attention, residual, norm, gated MLP, residual, layer after layer: x (T, hidden) is changed in place. Returns
   0, or 1 when there is no memory for what lies between. */
int run_layers(const Layer *layers, const Sizes *s, float *x, const float *cosines, const float *sines,
               const Places *places) {
    const Heads heads = {s->tokens, s->heads, s->kv_heads, s->width, 0, s->scale};
    const int64_t queries = s->heads * s->width, turned = queries + s->kv_heads * s->width;
    const Between b = room_for(s);
    const int has_room = b.mixed && b.quantised.numbers;
    if (has_room) {
        const float *add = NULL;
        for (int64_t index = 0; index < s->layers; index++, add = b.joined) {
            const Layer *layer = layers + index;
            norm_and_quantise(x, add, layer->first_norm, &b, s);
            multiply(&b.quantised, &layer->qkv, b.joined, s->tokens, s->hidden, turned + s->kv_heads * s->width);
            turn_and_remember(cosines, sines, places, &heads, &b, index);
            attend_all(b.turned, turned, places, &heads, index, b.mixed);
            quantise_all(b.mixed, &b.quantised, s->tokens, queries);
            multiply(&b.quantised, &layer->output, b.joined, s->tokens, queries, s->hidden);
            norm_and_quantise(x, b.joined, layer->second_norm, &b, s);
            multiply_gated(&b.quantised, &layer->gate_up, b.joined, s->tokens, s->hidden, s->inner);
            quantise_all(b.joined, &b.quantised, s->tokens, s->inner);
            multiply(&b.quantised, &layer->down, b.joined, s->tokens, s->inner, s->hidden);
        }
        for (int64_t i = 0; add && i < s->tokens * s->hidden; i++) x[i] += add[i];
    }
    free(b.mixed);
    free(b.quantised.numbers);
    return !has_room;
}
