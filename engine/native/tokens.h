/* What is done to each token by itself, in float32: norm, gate, rotation. */

/* One row: x / rms(x) * w. The squares are added lane by lane in one order. */
static void norm_row(const float *x, const float *weight, float *y, int64_t width, float epsilon) {
    Eight squares[LANES] = {{0}};
    float sum = 0.0f;
    int64_t i = 0;
    for (; i + LANES * LANES <= width; i += LANES * LANES)
        for (int each = 0; each < LANES; each++) {
            const Eight part = load(x + i + each * LANES);
            squares[each] += part * part;
        }
    for (; i < width; i++) sum += x[i] * x[i];
    const Eight sums = sums_of(squares);
    for (int lane = 0; lane < LANES; lane++) sum += sums[lane];
    const float inverse = 1.0f / sqrtf(sum / (float)width + epsilon);
    for (i = 0; i < width; i++) y[i] = weight[i] * (x[i] * inverse);
}

/* One row: silu(gate) * up of (2 width) numbers, gate first */
static void gate_row(const float *x, float *y, int64_t width) {
    int64_t i = 0;
    for (; i + LANES <= width; i += LANES) store(y + i, gated(load(x + i), load(x + width + i)));
    if (i < width) {
        const Eight last = gated(load_some(x + i, width - i), load_some(x + width + i, width - i));
        memcpy(y + i, &last, (size_t)(width - i) * sizeof(float));
    }
}

/* One row: turn the pairs (i, i + width / 2) of each head by the angles of its token */
static void rotate_row(const float *x, const float *cosine, const float *sine, float *y, int64_t heads, int64_t width) {
    const int64_t half = width / 2;
    for (int64_t head = 0; head < heads; head++) {
        const float *from = x + head * width;
        float *to = y + head * width;
        for (int64_t i = 0; i < half; i++) {
            to[i] = from[i] * cosine[i] - from[i + half] * sine[i];
            to[i + half] = from[i + half] * cosine[i + half] + from[i] * sine[i + half];
        }
    }
}

/* x / rms(x) * w for (T, width) */
void rms_norm(const float *x, const float *weight, float *y, int64_t tokens, int64_t width, float epsilon) {
#pragma omp parallel for if (4 * tokens * width > WORTH_A_THREAD)
    for (int64_t token = 0; token < tokens; token++)
        norm_row(x + token * width, weight, y + token * width, width, epsilon);
}

/* silu(gate) * up: (T, 2 width), gate first -> (T, width) */
void swiglu(const float *x, float *y, int64_t tokens, int64_t width) {
#pragma omp parallel for if (8 * tokens * width > WORTH_A_THREAD)
    for (int64_t token = 0; token < tokens; token++) gate_row(x + token * 2 * width, y + token * width, width);
}

/* x (T, heads, width), whose tokens are `stride` floats apart, cosines and sines (T, width) -> y (T, heads, width) */
void rotate(const float *x, int64_t stride, const float *cosines, const float *sines, float *y, int64_t tokens,
            int64_t heads, int64_t width) {
#pragma omp parallel for if (4 * tokens * heads * width > WORTH_A_THREAD)
    for (int64_t token = 0; token < tokens; token++)
        rotate_row(x + token * stride, cosines + token * width, sines + token * width, y + token * heads * width, heads,
                   width);
}
