/* Whole products: tiles over all rows and outputs, and 4-bit weights unpacked once for many rows. */

#define TOKENS_AT_ONCE 128 /* their activations stay in a core's own cache while the weights pass */
#define WORTH_A_PANEL 16   /* tokens */
#define PANEL_ROWS 4
#define PANEL_GROUPS 2
#define MOST_IN_A_PANEL 256 /* blocks */

/* One tile's sums (rows, width) plus bias -> y (T, outputs), as far as there are outputs */
static void place(const float *sums, int rows, int64_t width, const float *bias, float *y, int64_t outputs,
                  int64_t output) {
    const int64_t many = outputs - output < width ? outputs - output : width;
    for (int row = 0; row < rows; row++) {
        float *to = y + row * outputs + output;
        const float *from = sums + row * width;
        int64_t i = 0;
        for (; i + LANES <= many; i += LANES)
            store(to + i, load(from + i) + (bias ? load(bias + output + i) : all(0.0f)));
        for (; i < many; i++) to[i] = from[i] + (bias ? bias[output + i] : 0.0f);
    }
}

#if defined(__AVX2__) && defined(__F16C__)

/* One block of neighbouring groups with a byte for each number, and floats. */
typedef struct {
    uint8_t weights[QUADS][PANEL_GROUPS][GROUP][QUAD];
    float scales[PANEL_GROUPS][GROUP], smallest[PANEL_GROUPS][GROUP];
} Panel;

static void unpack_block(const Nibbles *from, Panel *panel, int group) {
    const __m256i mask = _mm256_set1_epi8(15);
    _mm256_storeu_ps(panel->scales[group], from_halves(from->scales));
    _mm256_storeu_ps(panel->smallest[group], from_halves(from->smallest));
    for (int pair = 0; pair < QUADS / 2; pair++) {
        const __m256i both = _mm256_loadu_si256((const __m256i *)from->weights[pair]);
        const __m256i high = _mm256_and_si256(_mm256_srli_epi16(both, 4), mask);
        _mm256_storeu_si256((__m256i *)panel->weights[2 * pair][group], _mm256_and_si256(both, mask));
        _mm256_storeu_si256((__m256i *)panel->weights[2 * pair + 1][group], high);
    }
}

/* One block of a tile of a panel, whose whole numbers are exact in any order: products (rows, groups) */
ALWAYS void add_panel(const int8_t *numbers, int64_t stride, const Panel *panel, __m256i *products) {
    for (int i = 0; i < PANEL_ROWS * PANEL_GROUPS; i++) products[i] = _mm256_setzero_si256();
#pragma GCC unroll 8
    for (int quad = 0; quad < QUADS; quad++) {
        __m256i w[PANEL_GROUPS];
        for (int group = 0; group < PANEL_GROUPS; group++) {
            w[group] = _mm256_loadu_si256((const __m256i *)panel->weights[quad][group]);
            IN_THIS_ORDER(w[group]); /* else it is loaded again for each row */
        }
        for (int row = 0; row < PANEL_ROWS; row++) {
            const __m256i four = four_inputs(numbers + row * stride + quad * QUAD);
            for (int group = 0; group < PANEL_GROUPS; group++) {
                __m256i *sum = products + row * PANEL_GROUPS + group;
                *sum = add_nibbles(*sum, w[group], four);
                IN_THIS_ORDER(*sum);
            }
        }
    }
}

/* PANEL_ROWS rows of x: sums (rows, groups * 8), with the floats of each added as `tile_of_nibbles` adds them */
static void tile_of_panel(const Quantised *x, int64_t first, const Panel *panel, int64_t blocks, float *sums) {
    __m256 totals[PANEL_ROWS * PANEL_GROUPS];
    for (int i = 0; i < PANEL_ROWS * PANEL_GROUPS; i++) totals[i] = _mm256_setzero_ps();
    for (int64_t block = 0; block < blocks; block++, panel++) {
        const int64_t at = first * blocks + block;
        __m256i products[PANEL_ROWS * PANEL_GROUPS];
        add_panel(x->numbers + at * BLOCK, blocks * BLOCK, panel, products);
        for (int i = 0; i < PANEL_ROWS * PANEL_GROUPS; i++) {
            const int64_t of_row = at + i / PANEL_GROUPS * blocks, group = i % PANEL_GROUPS;
            const __m256 scales = _mm256_loadu_ps(panel->scales[group]);
            const __m256 smallest = _mm256_loadu_ps(panel->smallest[group]);
            const __m256 scale = _mm256_mul_ps(scales, _mm256_set1_ps(x->scales[of_row]));
            totals[i] = _mm256_fmadd_ps(scale, _mm256_cvtepi32_ps(whole_sums(products[i])), totals[i]);
            totals[i] = _mm256_fmadd_ps(smallest, _mm256_set1_ps(x->sums[of_row]), totals[i]);
        }
    }
    for (int i = 0; i < PANEL_ROWS * PANEL_GROUPS; i++) _mm256_storeu_ps(sums + i * GROUP, totals[i]);
}

/* The rows from `token` to `end` that fill tiles, with the groups of a panel -> y; returns the first row left over */
static int64_t multiply_panel(const Quantised *x, int64_t token, int64_t end, const Matrix *matrix, int64_t group,
                              int64_t blocks, float *y, int64_t outputs) {
    const Nibbles *packed = (const Nibbles *)matrix->data + group * blocks;
    Panel panel[MOST_IN_A_PANEL];
    for (int64_t at = 0; at < PANEL_GROUPS * blocks; at++)
        unpack_block(packed + at, panel + at % blocks, (int)(at / blocks));
    for (; token + PANEL_ROWS <= end; token += PANEL_ROWS) {
        float sums[PANEL_ROWS * PANEL_GROUPS * GROUP];
        tile_of_panel(x, token, panel, blocks, sums);
        place(sums, PANEL_ROWS, PANEL_GROUPS * GROUP, matrix->bias, y + token * outputs, outputs, group * GROUP);
    }
    return token;
}

#else

static int64_t multiply_panel(const Quantised *x, int64_t token, int64_t end, const Matrix *matrix, int64_t group,
                              int64_t blocks, float *y, int64_t outputs) {
    return token; /* There are none here. */
}

#endif

/* The rows from `token` to `end` with `many` groups, a tile at a time -> y */
static void multiply_tiles(const Quantised *x, int64_t token, int64_t end, const Matrix *matrix, int64_t group,
                           int64_t many, int64_t blocks, float *y, int64_t outputs) {
    const int step = matrix->bits == 4 ? ROWS_OF_NIBBLES : ROWS_OF_BYTES;
    const int64_t width = matrix->bits == 4 ? 1 : 2; /* groups at once */
    for (int64_t last = group + many; group < last; group += width)
        for (int64_t row = token; row < end; row += step) {
            const int rows = end - row < step ? (int)(end - row) : step;
            const int groups = last - group < width ? (int)(last - group) : (int)width;
            float sums[ROWS_OF_NIBBLES * GROUP];
            if (matrix->bits == 4)
                some_nibbles(x, row, rows, (const Nibbles *)matrix->data + group * blocks, blocks, sums);
            else
                some_bytes(x, row, rows, (const Bytes *)matrix->data + group * blocks, groups, blocks, sums);
            place(sums, rows, groups * GROUP, matrix->bias, y + row * outputs, outputs, group * GROUP);
        }
}

/* y = x W^T + bias: y float (T, outputs) */
static void multiply(const Quantised *x, const Matrix *matrix, float *y, int64_t tokens, int64_t inputs,
                     int64_t outputs) {
    const int64_t blocks = inputs / BLOCK, groups = (outputs + GROUP - 1) / GROUP;
    const int panels = matrix->bits == 4 && tokens >= WORTH_A_PANEL && blocks <= MOST_IN_A_PANEL;
#pragma omp parallel for collapse(2) schedule(static) if (tokens * inputs * outputs > WORTH_A_THREAD)
    for (int64_t start = 0; start < tokens; start += TOKENS_AT_ONCE)
        for (int64_t group = 0; group < groups; group += PANEL_GROUPS) {
            const int64_t end = start + TOKENS_AT_ONCE < tokens ? start + TOKENS_AT_ONCE : tokens;
            const int64_t many = groups - group < PANEL_GROUPS ? groups - group : PANEL_GROUPS;
            int64_t token = start;
            if (panels && many == PANEL_GROUPS)
                token = multiply_panel(x, token, end, matrix, group, blocks, y, outputs);
            multiply_tiles(x, token, end, matrix, group, many, blocks, y, outputs);
        }
}
