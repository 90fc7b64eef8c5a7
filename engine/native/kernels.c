/* What a step on a CPU spends its time in, for x86-64 and any other processor that C knows.

   Matrices are row by row; T counts tokens. Weights and activations of products are in blocks of few bits, all other
   arithmetic is float32. Threads are OpenMP's. The parts are compiled as one, so that they can become part of each
   other. */

#include "vectors.h"
#include "blocks.h"
#include "products.h"
#include "multiply.h"
#include "tokens.h"
#include "spans.h"
#include "crowds.h"
#include "attention.h"
#include "steps.h"

int abi_version(void) { return 4; }

/* y = x W^T + bias: x float (T, inputs) -> y (T, outputs). Returns 0, or 1 when there is no memory for x's blocks. */
int linear(const float *x, const Matrix *matrix, float *y, int64_t tokens, int64_t inputs, int64_t outputs) {
    const int64_t blocks = inputs / BLOCK;
    float *scales = malloc((size_t)(tokens * blocks) * (2 * sizeof(float) + BLOCK));
    if (!scales) return 1;
    const Quantised quantised = {(int8_t *)(scales + 2 * tokens * blocks), scales, scales + tokens * blocks};
    quantise_all(x, &quantised, tokens, inputs);
    multiply(&quantised, matrix, y, tokens, inputs, outputs);
    free(scales);
    return 0;
}
