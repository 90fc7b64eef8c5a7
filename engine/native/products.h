/* Products of packed weights with quantised activations, tile by tile. Every row of x is computed by the same
   operations in the same order whatever rows stand beside it, so that an answer does not depend on its company. */

#define ROWS_OF_BYTES 4
#define ROWS_OF_NIBBLES 8

#if defined(__AVX2__)

#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
#define HAS_DOT_PRODUCTS
#define dot_products _mm256_dpbusd_epi32
#elif defined(__AVXVNNI__)
#define HAS_DOT_PRODUCTS
#define dot_products _mm256_dpbusd_avx_epi32
#endif

/* Keeps the compiler from computing many sums at once, for which there are not enough registers. */
#define IN_THIS_ORDER(sum) __asm__("" : "+x"(sum))

ALWAYS __m256i four_inputs(const int8_t *x) {
    int32_t four;
    memcpy(&four, x, sizeof four);
    return _mm256_set1_epi32(four);
}

/* |x| is unsigned and x's signs go to w: the sum of two products of at most 127 * 127 fits 16 bits. */
ALWAYS __m256i add_bytes(__m256i sum, __m256i magnitudes, __m256i x, __m256i w) {
    const __m256i signed_w = _mm256_sign_epi8(w, x);
#if defined(HAS_DOT_PRODUCTS)
    return dot_products(sum, magnitudes, signed_w);
#else
    const __m256i pairs = _mm256_maddubs_epi16(magnitudes, signed_w);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#endif
}

/* `rows` rows of x with `groups` groups of outputs, which lie `apart` blocks from each other: sums (rows, groups * 8).
   Both counts are constants where this is called, which keeps everything in registers. */
ALWAYS void tile_of_bytes(const Quantised *x, int64_t first, int rows, const Bytes *packed, int groups, int64_t apart,
                          int64_t blocks, float *sums) {
    __m256 totals[ROWS_OF_BYTES * 2];
    for (int i = 0; i < rows * groups; i++) totals[i] = _mm256_setzero_ps();
    for (int64_t block = 0; block < blocks; block++) {
        const int64_t at = first * blocks + block;
        __m256i products[ROWS_OF_BYTES * 2];
        for (int i = 0; i < rows * groups; i++) products[i] = _mm256_setzero_si256();
#pragma GCC unroll 8
        for (int quad = 0; quad < QUADS; quad++) {
            __m256i w[2];
            for (int group = 0; group < groups; group++) {
                w[group] = _mm256_loadu_si256((const __m256i *)packed[group * apart + block].weights[quad]);
                IN_THIS_ORDER(w[group]); /* else it is loaded again for each row */
            }
            for (int row = 0; row < rows; row++) {
                const __m256i four = four_inputs(x->numbers + (at + row * blocks) * BLOCK + quad * QUAD);
                const __m256i magnitudes = _mm256_abs_epi8(four);
                for (int group = 0; group < groups; group++) {
                    __m256i *sum = products + row * groups + group;
                    *sum = add_bytes(*sum, magnitudes, four, w[group]);
                    IN_THIS_ORDER(*sum);
                }
            }
        }
        for (int group = 0; group < groups; group++) {
            const __m256 scales = _mm256_loadu_ps(packed[group * apart + block].scales);
            for (int row = 0; row < rows; row++) {
                const int i = row * groups + group;
                const __m256 scale = _mm256_mul_ps(scales, _mm256_set1_ps(x->scales[at + row * blocks]));
                totals[i] = _mm256_fmadd_ps(scale, _mm256_cvtepi32_ps(products[i]), totals[i]);
            }
        }
    }
    for (int i = 0; i < rows * groups; i++) _mm256_storeu_ps(sums + i * GROUP, totals[i]);
}

#else

ALWAYS void tile_of_bytes(const Quantised *x, int64_t first, int rows, const Bytes *packed, int groups, int64_t apart,
                          int64_t blocks, float *sums) {
    for (int i = 0; i < rows * groups * GROUP; i++) sums[i] = 0.0f;
    for (int64_t block = 0; block < blocks; block++)
        for (int each = 0; each < rows * groups * GROUP; each++) {
            const int output = each % GROUP;
            const int64_t at = (first + each / GROUP / groups) * blocks + block;
            const Bytes *from = packed + each / GROUP % groups * apart + block;
            int32_t sum = 0;
            for (int i = 0; i < BLOCK; i++)
                sum += x->numbers[at * BLOCK + i] * from->weights[i / QUAD][output][i % QUAD];
            sums[each] += (float)sum * (from->scales[output] * x->scales[at]);
        }
}

#endif

static void some_bytes(const Quantised *x, int64_t first, int rows, const Bytes *packed, int groups, int64_t apart,
                       int64_t blocks, float *sums) {
    switch (rows * 2 + groups) {
    case 3: tile_of_bytes(x, first, 1, packed, 1, apart, blocks, sums); break;
    case 4: tile_of_bytes(x, first, 1, packed, 2, apart, blocks, sums); break;
    case 5: tile_of_bytes(x, first, 2, packed, 1, apart, blocks, sums); break;
    case 6: tile_of_bytes(x, first, 2, packed, 2, apart, blocks, sums); break;
    case 7: tile_of_bytes(x, first, 3, packed, 1, apart, blocks, sums); break;
    case 8: tile_of_bytes(x, first, 3, packed, 2, apart, blocks, sums); break;
    case 9: tile_of_bytes(x, first, 4, packed, 1, apart, blocks, sums); break;
    default: tile_of_bytes(x, first, 4, packed, 2, apart, blocks, sums);
    }
}

#if defined(__AVX2__) && defined(__F16C__)

/* Sixteen bits hold a block: 8 quads, each adding twice 15 * 127, make at most 30480. */
ALWAYS __m256i add_nibbles(__m256i sum, __m256i w, __m256i x) {
#if defined(HAS_DOT_PRODUCTS)
    return dot_products(sum, w, x);
#else
    return _mm256_add_epi16(sum, _mm256_maddubs_epi16(w, x));
#endif
}

ALWAYS __m256i whole_sums(__m256i sums) {
#if defined(HAS_DOT_PRODUCTS)
    return sums;
#else
    return _mm256_madd_epi16(sums, _mm256_set1_epi16(1));
#endif
}

ALWAYS __m256 from_halves(const uint16_t *halves) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)halves)); }

/* `rows` rows of x, a constant where this is called, with one group of outputs: sums (rows, 8), `stride` floats
   a row */
ALWAYS void tile_of_nibbles(const Quantised *x, int64_t first, int rows, const Nibbles *packed, int64_t blocks,
                            float *sums, int64_t stride) {
    const __m256i mask = _mm256_set1_epi8(15);
    __m256 totals[ROWS_OF_NIBBLES];
    for (int row = 0; row < rows; row++) totals[row] = _mm256_setzero_ps();
    for (int64_t block = 0; block < blocks; block++) {
        const Nibbles *from = packed + block;
        const int64_t at = first * blocks + block;
        __m256i products[ROWS_OF_NIBBLES];
        for (int row = 0; row < rows; row++) products[row] = _mm256_setzero_si256();
#pragma GCC unroll 4
        for (int pair = 0; pair < QUADS / 2; pair++) {
            const __m256i both = _mm256_loadu_si256((const __m256i *)from->weights[pair]);
            const __m256i low = _mm256_and_si256(both, mask);
            const __m256i high = _mm256_and_si256(_mm256_srli_epi16(both, 4), mask);
            for (int row = 0; row < rows; row++) {
                const int8_t *inputs = x->numbers + (at + row * blocks) * BLOCK + pair * 2 * QUAD;
                products[row] = add_nibbles(products[row], low, four_inputs(inputs));
                products[row] = add_nibbles(products[row], high, four_inputs(inputs + QUAD));
                IN_THIS_ORDER(products[row]);
            }
        }
        const __m256 scales = from_halves(from->scales), smallest = from_halves(from->smallest);
        for (int row = 0; row < rows; row++) {
            const __m256 scale = _mm256_mul_ps(scales, _mm256_set1_ps(x->scales[at + row * blocks]));
            totals[row] = _mm256_fmadd_ps(scale, _mm256_cvtepi32_ps(whole_sums(products[row])), totals[row]);
            totals[row] = _mm256_fmadd_ps(smallest, _mm256_set1_ps(x->sums[at + row * blocks]), totals[row]);
        }
    }
    for (int row = 0; row < rows; row++) _mm256_storeu_ps(sums + row * stride, totals[row]);
}

static void some_nibbles(const Quantised *x, int64_t first, int rows, const Nibbles *packed, int64_t blocks,
                         float *sums, int64_t stride) {
    switch (rows) {
    case 1: tile_of_nibbles(x, first, 1, packed, blocks, sums, stride); break;
    case 2: tile_of_nibbles(x, first, 2, packed, blocks, sums, stride); break;
    case 3: tile_of_nibbles(x, first, 3, packed, blocks, sums, stride); break;
    case 4: tile_of_nibbles(x, first, 4, packed, blocks, sums, stride); break;
    case 5: tile_of_nibbles(x, first, 5, packed, blocks, sums, stride); break;
    case 6: tile_of_nibbles(x, first, 6, packed, blocks, sums, stride); break;
    case 7: tile_of_nibbles(x, first, 7, packed, blocks, sums, stride); break;
    default: tile_of_nibbles(x, first, 8, packed, blocks, sums, stride);
    }
}

#else

static void some_nibbles(const Quantised *x, int64_t first, int rows, const Nibbles *packed, int64_t blocks,
                         float *sums, int64_t stride) {
    abort(); /* There are none here. */
}

#endif
