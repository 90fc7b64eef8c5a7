/* Whole products: tiles over all rows and outputs, and 4-bit weights unpacked once for many rows. */

#define TOKENS_AT_ONCE 128 /* at most: their activations stay in a core's own cache while the weights pass */
#define WORTH_A_PANEL 16   /* tokens */
#define PANEL_ROWS 4
#define PANEL_GROUPS 2
#define MOST_IN_A_PANEL 256 /* blocks */

/* What is multiplied, and where it goes. A tile takes a group of outputs and the one that lies `apart` groups behind:
   its neighbour, or for a gated MLP what the gate is for; then `outputs`, a row of y, are half of the matrix's. */
typedef struct {
    const Quantised *x;
    const Matrix *matrix;
    float *y;
    int64_t blocks, outputs, apart;
    int is_gated;
} Product;

/* A tile's sums (rows, groups * 8) plus bias, gated or not, -> y (T, outputs), as far as there are outputs */
static void place(const Product *p, const float *sums, int64_t row, int rows, int64_t group, int groups) {
    const float *bias = p->matrix->bias ? p->matrix->bias + group * GROUP : NULL;
    const int64_t left = p->outputs - group * GROUP, many = left < groups * GROUP ? left : groups * GROUP;
    for (int each = 0; each < rows; each++, sums += groups * GROUP) {
        float *to = p->y + (row + each) * p->outputs + group * GROUP;
        int64_t i = 0;
        if (p->is_gated) {
            const Eight gate = load(sums) + (bias ? load(bias) : all(0.0f));
            store(to, gated(gate, load(sums + GROUP) + (bias ? load(bias + p->apart * GROUP) : all(0.0f))));
            continue;
        }
        for (; i + LANES <= many; i += LANES) store(to + i, load(sums + i) + (bias ? load(bias + i) : all(0.0f)));
        for (; i < many; i++) to[i] = sums[i] + (bias ? bias[i] : 0.0f);
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

/* The rows from `row` to `end` that fill tiles, with the groups of a panel -> y; returns the first row left over */
static int64_t multiply_panel(const Product *p, int64_t row, int64_t end, int64_t group) {
    const Nibbles *packed = (const Nibbles *)p->matrix->data + group * p->blocks;
    Panel panel[MOST_IN_A_PANEL];
    for (int64_t block = 0; block < p->blocks; block++)
        for (int each = 0; each < PANEL_GROUPS; each++)
            unpack_block(packed + each * p->apart * p->blocks + block, panel + block, each);
    for (; row + PANEL_ROWS <= end; row += PANEL_ROWS) {
        float sums[PANEL_ROWS * PANEL_GROUPS * GROUP];
        tile_of_panel(p->x, row, panel, p->blocks, sums);
        place(p, sums, row, PANEL_ROWS, group, PANEL_GROUPS);
    }
    return row;
}

#else

static int64_t multiply_panel(const Product *p, int64_t row, int64_t end, int64_t group) {
    return row; /* There are none here. */
}

#endif

/* The rows from `row` to `end` with one or two groups -> y */
static void multiply_tiles(const Product *p, int64_t row, int64_t end, int64_t group, int groups) {
    const int is_nibbles = p->matrix->bits == 4, most = is_nibbles ? ROWS_OF_NIBBLES : ROWS_OF_BYTES;
    const int64_t first = group * p->blocks, apart = p->apart * p->blocks;
    for (; row < end; row += most) {
        const int rows = end - row < most ? (int)(end - row) : most;
        float sums[ROWS_OF_NIBBLES * PANEL_GROUPS * GROUP];
        if (is_nibbles)
            for (int each = 0; each < groups; each++)
                some_nibbles(p->x, row, rows, (const Nibbles *)p->matrix->data + first + each * apart, p->blocks,
                             sums + each * GROUP, groups * GROUP);
        else
            some_bytes(p->x, row, rows, (const Bytes *)p->matrix->data + first, groups, apart, p->blocks, sums);
        place(p, sums, row, rows, group, groups);
    }
}

/* As many tokens as pieces of equal size have, so that threads with as many pieces have as much to do. */
static int64_t piece_of(int64_t tokens) {
    if (tokens == 0) return 1;
    const int64_t pieces = (tokens + TOKENS_AT_ONCE - 1) / TOKENS_AT_ONCE, least = pieces * ROWS_OF_NIBBLES;
    return (tokens + least - 1) / least * ROWS_OF_NIBBLES;
}

static void multiply_all(const Product *p, int64_t tokens) {
    const int64_t groups = (p->outputs + GROUP - 1) / GROUP, step = p->is_gated ? 1 : PANEL_GROUPS;
    const int64_t piece = piece_of(tokens);
    const int panels = p->matrix->bits == 4 && tokens >= WORTH_A_PANEL && p->blocks <= MOST_IN_A_PANEL;
#pragma omp parallel for collapse(2) schedule(static) if (tokens * p->blocks * BLOCK * p->outputs > WORTH_A_THREAD)
    for (int64_t start = 0; start < tokens; start += piece)
        for (int64_t group = 0; group < groups; group += step) {
            const int64_t end = start + piece < tokens ? start + piece : tokens;
            const int many = p->is_gated || group + 1 < groups ? PANEL_GROUPS : 1;
            const int64_t row = panels && many == PANEL_GROUPS ? multiply_panel(p, start, end, group) : start;
            multiply_tiles(p, row, end, group, many);
        }
}

/* y = x W^T + bias: y float (T, outputs) */
static void multiply(const Quantised *x, const Matrix *matrix, float *y, int64_t tokens, int64_t inputs,
                     int64_t outputs) {
    const Product product = {x, matrix, y, inputs / BLOCK, outputs, 1, 0};
    multiply_all(&product, tokens);
}

/* y = silu(gate) * up of x W^T + bias (T, 2 outputs), gate first: y float (T, outputs), whole groups of them */
static void multiply_gated(const Quantised *x, const Matrix *matrix, float *y, int64_t tokens, int64_t inputs,
                           int64_t outputs) {
    const Product product = {x, matrix, y, inputs / BLOCK, outputs, outputs / GROUP, 1};
    multiply_all(&product, tokens);
}
