/* What a step on a CPU spends its time in, for x86-64 and any other processor that C knows.

   Weights are int8 in blocks of 32 inputs with one float scale a block; activations are quantised the same way while
   they are used, so products are sums of int8 products scaled block by block (the scheme of GGUF's Q8_0). All other
   arithmetic is float32. Matrices are row by row; T counts tokens. Threads are OpenMP's. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define BLOCK 32
#define QUAD 4
#define GROUP 8
#define ROWS 4
#define SPAN 64
/* Waking the other threads costs some microseconds, and far more where something else runs on their cores: work of
   fewer multiplications than this is done by one. */
#define WORTH_A_THREAD 600000

int abi_version(void) { return 3; }

/* -- int8 blocks -------------------------------------------------------------------------------------------------- */

/* Eight outputs times 32 inputs: the form in which weights are kept. Four inputs of each output lie side by side, so
   that one register holds the same four inputs of eight outputs. */
typedef struct {
    float scales[GROUP];
    int8_t weights[BLOCK / QUAD][GROUP][QUAD];
} Packed;

int64_t packed_bytes(int64_t outputs, int64_t inputs) {
    return (outputs + GROUP - 1) / GROUP * (inputs / BLOCK) * (int64_t)sizeof(Packed);
}

static float quantise_block(const float *x, int8_t *q) {
    float largest = 0.0f;
    for (int i = 0; i < BLOCK; i++) largest = fmaxf(largest, fabsf(x[i]));
    const float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
    for (int i = 0; i < BLOCK; i++) q[i] = (int8_t)rintf(x[i] * inverse);
    return largest / 127.0f;
}

/* (rows, inputs) float -> int8 (rows, inputs) and scales (rows, inputs / 32) */
void quantise(const float *x, int8_t *q, float *scales, int64_t rows, int64_t inputs) {
    const int64_t blocks = inputs / BLOCK;
#pragma omp parallel for if (16 * rows * inputs > WORTH_A_THREAD)
    for (int64_t row = 0; row < rows; row++)
        for (int64_t block = 0; block < blocks; block++)
            scales[row * blocks + block] =
                quantise_block(x + row * inputs + block * BLOCK, q + row * inputs + block * BLOCK);
}

/* (outputs, inputs) float -> packed; outputs that fill up the last group are zero */
void pack(const float *x, Packed *packed, int64_t outputs, int64_t inputs) {
    const int64_t blocks = inputs / BLOCK;
#pragma omp parallel for
    for (int64_t group = 0; group < (outputs + GROUP - 1) / GROUP; group++)
        for (int64_t block = 0; block < blocks; block++) {
            Packed *into = packed + group * blocks + block;
            for (int64_t row = 0; row < GROUP; row++) {
                int8_t q[BLOCK] = {0};
                const int64_t output = group * GROUP + row;
                into->scales[row] =
                    output < outputs ? quantise_block(x + output * inputs + block * BLOCK, q) : 0.0f;
                for (int i = 0; i < BLOCK; i++) into->weights[i / QUAD][row][i % QUAD] = q[i];
            }
        }
}

/* The outputs' rows with these ids, as they are after packing -> float (count, inputs) */
void unpack_rows(const Packed *packed, const int64_t *ids, float *y, int64_t count, int64_t inputs) {
    const int64_t blocks = inputs / BLOCK;
    for (int64_t each = 0; each < count; each++)
        for (int64_t block = 0; block < blocks; block++) {
            const Packed *from = packed + ids[each] / GROUP * blocks + block;
            const int64_t row = ids[each] % GROUP;
            for (int i = 0; i < BLOCK; i++)
                y[each * inputs + block * BLOCK + i] = from->scales[row] * from->weights[i / QUAD][row][i % QUAD];
        }
}

/* The products of `count` rows of x with one group of outputs: sums (count, 8). `count` is a constant where this is
   called, which keeps the sums in registers. */
#if defined(__AVX2__)

/* |x| is unsigned and x's signs go to w: the sum of two products of at most 127 * 127 fits 16 bits. */
static inline __m256i add_products(__m256i sum, __m256i x, __m256i w) {
    const __m256i magnitudes = _mm256_abs_epi8(x), signed_w = _mm256_sign_epi8(w, x);
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
    return _mm256_dpbusd_epi32(sum, magnitudes, signed_w);
#else
    const __m256i pairs = _mm256_maddubs_epi16(magnitudes, signed_w);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#endif
}

static inline void tile(const int8_t *x, const float *x_scales, int count, const Packed *packed, int64_t blocks,
                        float *sums) {
    __m256 totals[ROWS];
    for (int row = 0; row < count; row++) totals[row] = _mm256_setzero_ps();
    for (int64_t block = 0; block < blocks; block++) {
        const Packed *from = packed + block;
        __m256i products[ROWS];
        for (int row = 0; row < count; row++) products[row] = _mm256_setzero_si256();
        for (int quad = 0; quad < BLOCK / QUAD; quad++) {
            const __m256i w = _mm256_loadu_si256((const __m256i *)from->weights[quad]);
            for (int row = 0; row < count; row++) {
                int32_t four;
                memcpy(&four, x + (row * blocks + block) * BLOCK + quad * QUAD, sizeof four);
                products[row] = add_products(products[row], _mm256_set1_epi32(four), w);
            }
        }
        const __m256 scales = _mm256_loadu_ps(from->scales);
        for (int row = 0; row < count; row++) {
            const __m256 scale = _mm256_mul_ps(scales, _mm256_set1_ps(x_scales[row * blocks + block]));
            totals[row] = _mm256_fmadd_ps(scale, _mm256_cvtepi32_ps(products[row]), totals[row]);
        }
    }
    for (int row = 0; row < count; row++) _mm256_storeu_ps(sums + row * GROUP, totals[row]);
}

#else

static inline void tile(const int8_t *x, const float *x_scales, int count, const Packed *packed, int64_t blocks,
                        float *sums) {
    for (int i = 0; i < count * GROUP; i++) sums[i] = 0.0f;
    for (int64_t block = 0; block < blocks; block++)
        for (int row = 0; row < count; row++)
            for (int output = 0; output < GROUP; output++) {
                int32_t sum = 0;
                for (int i = 0; i < BLOCK; i++)
                    sum += x[(row * blocks + block) * BLOCK + i] * packed[block].weights[i / QUAD][output][i % QUAD];
                sums[row * GROUP + output] +=
                    (float)sum * (packed[block].scales[output] * x_scales[row * blocks + block]);
            }
}

#endif

static void tile_of(const int8_t *x, const float *x_scales, int count, const Packed *packed, int64_t blocks,
                    float *sums) {
    switch (count) {
    case 1: tile(x, x_scales, 1, packed, blocks, sums); break;
    case 2: tile(x, x_scales, 2, packed, blocks, sums); break;
    case 3: tile(x, x_scales, 3, packed, blocks, sums); break;
    default: tile(x, x_scales, 4, packed, blocks, sums);
    }
}

/* y = x W^T + bias: x int8 (T, inputs) with scales (T, inputs / 32), bias (outputs) or NULL, y float (T, outputs) */
void multiply(const int8_t *x, const float *x_scales, const Packed *packed, const float *bias, float *y,
              int64_t tokens, int64_t inputs, int64_t outputs) {
    const int64_t blocks = inputs / BLOCK;
#pragma omp parallel for schedule(static) if (tokens * inputs * outputs > WORTH_A_THREAD)
    for (int64_t group = 0; group < (outputs + GROUP - 1) / GROUP; group++) {
        const int64_t first = group * GROUP, many = outputs - first < GROUP ? outputs - first : GROUP;
        for (int64_t token = 0; token < tokens; token += ROWS) {
            const int count = tokens - token < ROWS ? (int)(tokens - token) : ROWS;
            float sums[ROWS * GROUP];
            tile_of(x + token * inputs, x_scales + token * blocks, count, packed + group * blocks, blocks, sums);
            for (int row = 0; row < count; row++)
                for (int64_t output = 0; output < many; output++)
                    y[(token + row) * outputs + first + output] =
                        sums[row * GROUP + output] + (bias ? bias[first + output] : 0.0f);
        }
    }
}

/* -- float32 ------------------------------------------------------------------------------------------------------ */

/* x / rms(x) * w for (T, width) */
void rms_norm(const float *x, const float *weight, float *y, int64_t tokens, int64_t width, float epsilon) {
#pragma omp parallel for if (4 * tokens * width > WORTH_A_THREAD)
    for (int64_t token = 0; token < tokens; token++) {
        const float *values = x + token * width;
        float squares = 0.0f;
#pragma omp simd reduction(+ : squares)
        for (int64_t i = 0; i < width; i++) squares += values[i] * values[i];
        const float inverse = 1.0f / sqrtf(squares / (float)width + epsilon);
        for (int64_t i = 0; i < width; i++) y[token * width + i] = weight[i] * (values[i] * inverse);
    }
}

/* silu(gate) * up: (T, 2 width), gate first -> (T, width) */
void swiglu(const float *x, float *y, int64_t tokens, int64_t width) {
#pragma omp parallel for if (32 * tokens * width > WORTH_A_THREAD)
    for (int64_t token = 0; token < tokens; token++)
        for (int64_t i = 0; i < width; i++) {
            const float gate = x[token * 2 * width + i], up = x[token * 2 * width + width + i];
            y[token * width + i] = gate / (1.0f + expf(-gate)) * up;
        }
}

/* Turn the pairs (i, i + width / 2) of each head by the angles of its token: x (T, heads, width), whose tokens are
   `stride` floats apart, cosines and sines (T, width) -> y (T, heads, width) */
void rotate(const float *x, int64_t stride, const float *cosines, const float *sines, float *y, int64_t tokens,
            int64_t heads, int64_t width) {
    const int64_t half = width / 2;
#pragma omp parallel for if (8 * tokens * heads * width > WORTH_A_THREAD)
    for (int64_t token = 0; token < tokens; token++)
        for (int64_t head = 0; head < heads; head++) {
            const float *from = x + token * stride + head * width;
            const float *cosine = cosines + token * width, *sine = sines + token * width;
            float *to = y + (token * heads + head) * width;
            for (int64_t i = 0; i < half; i++) {
                to[i] = from[i] * cosine[i] - from[i + half] * sine[i];
                to[i + half] = from[i + half] * cosine[i + half] + from[i] * sine[i + half];
            }
        }
}

static float dot(const float *left, const float *right, int64_t width) {
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < width; i++) sum += left[i] * right[i];
    return sum;
}

/* One head of one token over the first `length` keys and values, each (length, width). The softmax is taken span by
   span with a running maximum (arXiv:1805.02867), so that no row of scores as long as the context is needed. */
static void attend_head(const float *query, const float *keys, const float *values, float *y, int64_t length,
                        int64_t width, float scale) {
    float largest = -INFINITY, sum = 0.0f, weights[SPAN];
    memset(y, 0, (size_t)width * sizeof(float));
    for (int64_t start = 0; start < length; start += SPAN) {
        const int64_t count = length - start < SPAN ? length - start : SPAN;
        float highest = largest;
        for (int64_t i = 0; i < count; i++) {
            weights[i] = scale * dot(query, keys + (start + i) * width, width);
            highest = fmaxf(highest, weights[i]);
        }
        const float shrink = expf(largest - highest);
        largest = highest;
        sum *= shrink;
        for (int64_t i = 0; i < count; i++) sum += weights[i] = expf(weights[i] - highest);
        for (int64_t channel = 0; channel < width; channel++) y[channel] *= shrink;
        for (int64_t i = 0; i < count; i++) {
            const float *value = values + (start + i) * width;
            for (int64_t channel = 0; channel < width; channel++) y[channel] += weights[i] * value[channel];
        }
    }
    for (int64_t channel = 0; channel < width; channel++) y[channel] /= sum;
}

/* Attention of tokens that each stand at the end of a sequence of their own. Token t's key and value go to place
   positions[t] of the cache at caches[t], this layer's (2, kv_heads, capacities[t], width); then it sees the last
   `window` places up to its own, or all of them where `window` is 0. queries (T, heads, width), keys and values
   (T, kv_heads, width), whose tokens are `strides` floats apart -> y (T, heads * width) */
void attend(const float *queries, const float *keys, const float *values, const int64_t *strides,
            float *const *caches, const int64_t *capacities, const int64_t *positions, float *y, int64_t tokens,
            int64_t heads, int64_t kv_heads, int64_t width, int64_t window, float scale) {
    const size_t bytes = (size_t)width * sizeof(float);
    for (int64_t token = 0; token < tokens; token++)
        for (int64_t head = 0; head < kv_heads; head++) {
            float *place = caches[token] + (head * capacities[token] + positions[token]) * width;
            memcpy(place, keys + token * strides[1] + head * width, bytes);
            memcpy(place + kv_heads * capacities[token] * width, values + token * strides[2] + head * width, bytes);
        }
    int64_t seen = 0;
    for (int64_t token = 0; token < tokens; token++) seen += positions[token] + 1;
#pragma omp parallel for schedule(dynamic, 1) if (2 * seen * heads * width > WORTH_A_THREAD)
    for (int64_t task = 0; task < tokens * heads; task++) {
        const int64_t token = task / heads, head = task % heads, kept = capacities[token] * width;
        const int64_t end = positions[token] + 1, first = window && end > window ? end - window : 0;
        const float *own_keys = caches[token] + head / (heads / kv_heads) * kept + first * width;
        attend_head(queries + token * strides[0] + head * width, own_keys, own_keys + kv_heads * kept,
                    y + task * width, end - first, width, scale);
    }
}

/* -- a whole step ------------------------------------------------------------------------------------------------- */

typedef struct {
    const float *first_norm, *second_norm;
    const Packed *qkv, *output, *gate_up, *down;
    const float *qkv_bias, *output_bias, *gate_up_bias, *down_bias;
} Layer;

typedef struct {
    int64_t tokens, hidden, heads, kv_heads, width, inner, layers;
    float epsilon, scale;
} Sizes;

static void project(const float *x, const Packed *packed, const float *bias, float *y, int8_t *q, float *scales,
                    int64_t tokens, int64_t inputs, int64_t outputs) {
    quantise(x, q, scales, tokens, inputs);
    multiply(q, scales, packed, bias, y, tokens, inputs, outputs);
}

static void add(float *x, const float *y, int64_t count) {
    for (int64_t i = 0; i < count; i++) x[i] += y[i];
}

/* One token of each sequence through all layers of a plain decoder: norm, attention, residual, norm, gated MLP,
   residual. x (T, hidden) is changed in place; caches (layers, T) are addresses as for `attend`. Returns 0, or 1 when
   there is no memory for what lies between. */
int run_layers(const Layer *layers, const Sizes *s, float *x, const float *cosines, const float *sines,
               float *const *caches, const int64_t *capacities, const int64_t *positions) {
    const int64_t tokens = s->tokens, hidden = s->hidden, queries = s->heads * s->width;
    const int64_t joined = queries + 2 * s->kv_heads * s->width, turned = queries + s->kv_heads * s->width;
    const int64_t wide = joined > 2 * s->inner ? joined : 2 * s->inner;
    int64_t widest = hidden > queries ? hidden : queries;
    if (s->inner > widest) widest = s->inner;
    float *a = malloc((size_t)(tokens * (2 * widest + wide + turned + widest / BLOCK)) * sizeof(float));
    int8_t *q = malloc((size_t)(tokens * widest));
    if (!a || !q) {
        free(a);
        free(q);
        return 1;
    }
    float *b = a + tokens * widest, *c = b + tokens * widest, *d = c + tokens * wide, *scales = d + tokens * turned;
    const int64_t strides[3] = {turned, turned, joined};
    for (int64_t index = 0; index < s->layers; index++) {
        const Layer *layer = layers + index;
        rms_norm(x, layer->first_norm, a, tokens, hidden, s->epsilon);
        project(a, layer->qkv, layer->qkv_bias, c, q, scales, tokens, hidden, joined);
        rotate(c, joined, cosines, sines, d, tokens, s->heads + s->kv_heads, s->width);
        attend(d, d + queries, c + turned, strides, caches + index * tokens, capacities, positions, a, tokens,
               s->heads, s->kv_heads, s->width, 0, s->scale);
        project(a, layer->output, layer->output_bias, b, q, scales, tokens, queries, hidden);
        add(x, b, tokens * hidden);
        rms_norm(x, layer->second_norm, a, tokens, hidden, s->epsilon);
        project(a, layer->gate_up, layer->gate_up_bias, c, q, scales, tokens, hidden, 2 * s->inner);
        swiglu(c, a, tokens, s->inner);
        project(a, layer->down, layer->down_bias, b, q, scales, tokens, s->inner, hidden);
        add(x, b, tokens * hidden);
    }
    free(a);
    free(q);
    return 0;
}
