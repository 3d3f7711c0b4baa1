// The softmax of packed rows, which are the columns of S^T and O^T: a lane has two columns of each tile of 8, and of their
// scores those of 2 keys of a step of 16.
#pragma once

#include "attention/softmax_state.cuh"
#include "tile/math.cuh"

namespace flash {

// Multiplies what was summed so far where a row's maximum moves.
template <int TILES, int STEPS>
__device__ __forceinline__ void raise_maximum(const float (&s)[TILES][4], float (&o)[STEPS][TILES][4],
                                              float (&maximum)[TILES][2], float (&sum)[TILES][2]) {
#pragma unroll
    for (int n = 0; n < TILES; ++n) {
#pragma unroll
        for (int j = 0; j < 2; ++j) {
            float top = fmaxf(maximum[n][j], fmaxf(s[n][j], s[n][j + 2]));
#pragma unroll
            for (int distance = 4; distance < 32; distance *= 2) {
                top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, distance));
            }
            float factor = exp2_fast(maximum[n][j] - (top == negative_infinity() ? 0.f : top));
            maximum[n][j] = top;
            sum[n][j] *= factor;
#pragma unroll
            for (int d = 0; d < STEPS; ++d) {
                o[d][n][j] *= factor;
                o[d][n][j + 2] *= factor;
            }
        }
    }
}

// Turns scores into weights.
template <int TILES, int STEPS>
__device__ __forceinline__ void packed_softmax(float (&s)[TILES][4], float (&o)[STEPS][TILES][4],
                                               float (&maximum)[TILES][2], float (&sum)[TILES][2]) {
    bool moves = false;
#pragma unroll
    for (int n = 0; n < TILES; ++n) {
#pragma unroll
        for (int j = 0; j < 2; ++j) moves |= fmaxf(s[n][j], s[n][j + 2]) > maximum[n][j] + RESCALE_THRESHOLD;
    }
    if (__any_sync(0xffffffffu, moves)) raise_maximum(s, o, maximum, sum);
#pragma unroll
    for (int n = 0; n < TILES; ++n) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            float reference = maximum[n][i % 2] == negative_infinity() ? 0.f : maximum[n][i % 2];
            s[n][i] = exp2_fast(s[n][i] - reference);
            sum[n][i % 2] += s[n][i];
        }
    }
}

}  // namespace flash
