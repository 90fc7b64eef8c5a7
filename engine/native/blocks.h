/* Numbers in blocks of 32. Activations and most weights are int8 with one scale a block (the scheme of GGUF's Q8_0).
   A matrix whose blocks hold no more than sixteen evenly spaced values each, as 4-bit files have, keeps those: a scale
   and a smallest value for each block, and four bits for each number. */

#define BLOCK 32
#define QUAD 4
#define QUADS (BLOCK / QUAD)
#define GROUP LANES

/* Eight outputs times 32 inputs. Four inputs of each output lie side by side, so that one register holds the same four
   inputs of eight outputs. */
typedef struct {
    float scales[GROUP];
    int8_t weights[QUADS][GROUP][QUAD];
} Bytes;

/* The same with four bits a weight: quads 2i and 2i + 1 share the bytes of pair i, the first in their low halves. */
typedef struct {
    uint16_t scales[GROUP], smallest[GROUP]; /* float16 */
    uint8_t weights[QUADS / 2][GROUP][QUAD];
} Nibbles;

/* A packed weight of 8 or 4 bits with its bias, or NULL. */
typedef struct {
    const void *data;
    const float *bias;
    int64_t bits;
} Matrix;

/* Activations: numbers (T, inputs), and for each block (T, inputs / 32) its scale and the sum that it stands for. */
typedef struct {
    int8_t *numbers;
    float *scales, *sums;
} Quantised;

int64_t packed_bytes(int64_t outputs, int64_t inputs, int64_t bits) {
    const int64_t size = bits == 4 ? (int64_t)sizeof(Nibbles) : (int64_t)sizeof(Bytes);
    return (outputs + GROUP - 1) / GROUP * (inputs / BLOCK) * size;
}

#if defined(__AVX2__)

/* 32 floats -> int8; returns the scale, and in `sum` what the numbers add up to */
ALWAYS float quantise_block(const float *x, int8_t *q, int *sum) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    __m256 parts[4], largest = _mm256_setzero_ps();
    for (int i = 0; i < 4; i++) {
        parts[i] = _mm256_loadu_ps(x + i * LANES);
        largest = _mm256_max_ps(largest, _mm256_andnot_ps(sign, parts[i]));
    }
    __m128 most = _mm_max_ps(_mm256_castps256_ps128(largest), _mm256_extractf128_ps(largest, 1));
    most = _mm_max_ps(most, _mm_movehl_ps(most, most));
    most = _mm_max_ss(most, _mm_movehdup_ps(most));
    const float top = _mm_cvtss_f32(most);
    const __m256 inverse = _mm256_set1_ps(top > 0.0f ? 127.0f / top : 0.0f);
    __m256i whole[4];
    for (int i = 0; i < 4; i++) whole[i] = _mm256_cvtps_epi32(_mm256_mul_ps(parts[i], inverse));
    const __m256i total = _mm256_add_epi32(_mm256_add_epi32(whole[0], whole[1]), _mm256_add_epi32(whole[2], whole[3]));
    __m128i halves = _mm_add_epi32(_mm256_castsi256_si128(total), _mm256_extracti128_si256(total, 1));
    halves = _mm_add_epi32(halves, _mm_shuffle_epi32(halves, 0x4e));
    *sum = _mm_cvtsi128_si32(_mm_add_epi32(halves, _mm_shuffle_epi32(halves, 0xb1)));
    const __m256i narrow =
        _mm256_packs_epi16(_mm256_packs_epi32(whole[0], whole[1]), _mm256_packs_epi32(whole[2], whole[3]));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7); /* packing goes by halves of a register */
    _mm256_storeu_si256((__m256i *)q, _mm256_permutevar8x32_epi32(narrow, order));
    return top / 127.0f;
}

#else

static float quantise_block(const float *x, int8_t *q, int *sum) {
    float largest = 0.0f;
    for (int i = 0; i < BLOCK; i++) largest = fmaxf(largest, fabsf(x[i]));
    const float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
    *sum = 0;
    for (int i = 0; i < BLOCK; i++) *sum += q[i] = (int8_t)rintf(x[i] * inverse);
    return largest / 127.0f;
}

#endif

/* One row of `blocks` blocks as row number `token` of `into`. */
static void quantise_row(const float *x, const Quantised *into, int64_t token, int64_t blocks) {
    for (int64_t block = 0; block < blocks; block++) {
        const int64_t at = token * blocks + block;
        int sum;
        into->scales[at] = quantise_block(x + block * BLOCK, into->numbers + at * BLOCK, &sum);
        into->sums[at] = into->scales[at] * (float)sum;
    }
}

/* (outputs, inputs) float -> Bytes, which any numbers fit: 1. Outputs that fill up the last group are zero. */
int pack_bytes(const float *x, Bytes *packed, int64_t outputs, int64_t inputs) {
    const int64_t blocks = inputs / BLOCK;
#pragma omp parallel for
    for (int64_t group = 0; group < (outputs + GROUP - 1) / GROUP; group++)
        for (int64_t block = 0; block < blocks; block++) {
            Bytes *into = packed + group * blocks + block;
            for (int64_t row = 0; row < GROUP; row++) {
                int8_t q[BLOCK] = {0};
                int sum;
                const int64_t output = group * GROUP + row;
                into->scales[row] =
                    output < outputs ? quantise_block(x + output * inputs + block * BLOCK, q, &sum) : 0.0f;
                for (int i = 0; i < BLOCK; i++) into->weights[i / QUAD][row][i % QUAD] = q[i];
            }
        }
    return 1;
}

#if defined(__AVX2__) && defined(__F16C__)

/* Whether a float is a float16 but for `much`; float16's bits in `half`. */
static int fits_half(float value, float much, uint16_t *half) {
    *half = _cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT);
    return fabsf(_cvtsh_ss(*half) - value) <= much;
}

/* Whether each of 32 floats is `low` and a whole number of steps, but for a hundredth of a step. */
static int are_steps(const float *x, float low, float step, uint8_t *steps) {
    const float inverse = step > 0.0f ? 1.0f / step : 0.0f;
    for (int i = 0; i < BLOCK; i++) {
        const float exact = (x[i] - low) * inverse;
        steps[i] = (uint8_t)(exact + 0.5f);
        if (fabsf(exact - (float)steps[i]) > 0.01f) return 0;
    }
    return 1;
}

/* 32 floats as `smallest + scale * (0 to 15)`; 0 where they are not so for any number of steps between their ends.
   Rounding both to float16 costs less than a tenth of what int8 would. */
static int find_steps(const float *x, uint16_t *scale, uint16_t *smallest, uint8_t *steps) {
    float low = x[0], high = x[0];
    for (int i = 1; i < BLOCK; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    for (int count = 15; count > 0; count--) {
        const float step = (high - low) / (float)count;
        if (are_steps(x, low, step, steps))
            return fits_half(step, step / 1024.0f, scale) &&
                   fits_half(low, 0.01f * step + fabsf(low) / 1024.0f, smallest);
    }
    return 0;
}

/* (outputs, inputs) float -> Nibbles. Returns 0 where a block does not hold evenly spaced values. */
int pack_nibbles(const float *x, Nibbles *packed, int64_t outputs, int64_t inputs) {
    const int64_t blocks = inputs / BLOCK, groups = (outputs + GROUP - 1) / GROUP;
    int fit = 1;
    memset(packed, 0, (size_t)(groups * blocks) * sizeof(Nibbles));
#pragma omp parallel for reduction(&& : fit)
    for (int64_t group = 0; group < groups; group++)
        for (int64_t at = group * GROUP * blocks; fit && at < (group + 1) * GROUP * blocks && at < outputs * blocks;
             at++) {
            const int64_t row = at / blocks % GROUP;
            Nibbles *into = packed + group * blocks + at % blocks;
            uint8_t steps[BLOCK];
            fit = find_steps(x + at * BLOCK, into->scales + row, into->smallest + row, steps);
            for (int i = 0; fit && i < BLOCK; i++)
                into->weights[i / QUAD / 2][row][i % QUAD] |= (uint8_t)(steps[i] << (i / QUAD % 2 * 4));
        }
    return fit;
}

static void unpack_nibbles(const Nibbles *from, int64_t row, float *y) {
    const float scale = _cvtsh_ss(from->scales[row]), smallest = _cvtsh_ss(from->smallest[row]);
    for (int i = 0; i < BLOCK; i++)
        y[i] = smallest + scale * (float)(from->weights[i / QUAD / 2][row][i % QUAD] >> (i / QUAD % 2 * 4) & 15);
}

#else

int pack_nibbles(const float *x, Nibbles *packed, int64_t outputs, int64_t inputs) { return 0; }

static void unpack_nibbles(const Nibbles *from, int64_t row, float *y) { abort(); /* There are none here. */ }

#endif

static void unpack_bytes(const Bytes *from, int64_t row, float *y) {
    for (int i = 0; i < BLOCK; i++) y[i] = from->scales[row] * from->weights[i / QUAD][row][i % QUAD];
}

/* The outputs' rows with these ids, as they are after packing -> float (count, inputs) */
void unpack_rows(const Matrix *matrix, const int64_t *ids, float *y, int64_t count, int64_t inputs) {
    const int64_t blocks = inputs / BLOCK;
    for (int64_t each = 0; each < count; each++)
        for (int64_t block = 0; block < blocks; block++) {
            const int64_t at = ids[each] / GROUP * blocks + block, row = ids[each] % GROUP;
            float *to = y + each * inputs + block * BLOCK;
            if (matrix->bits == 4)
                unpack_nibbles((const Nibbles *)matrix->data + at, row, to);
            else
                unpack_bytes((const Bytes *)matrix->data + at, row, to);
        }
}
