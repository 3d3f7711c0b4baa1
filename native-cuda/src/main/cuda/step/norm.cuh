// Normalisation of each row, by mean and variance or by the root of the mean square, in fp32. A block does one row and
// keeps it in registers.
#pragma once

#include "step/overlap.cuh"
#include "step/params.cuh"
#include "step/vector.cuh"
#include "tile/block_sum.cuh"

namespace flash {

constexpr int NORM_THREADS = 256;
constexpr int NORM_VECTORS = 4;  // of 8 elements a thread: rows of up to 8192

template <class Element, bool ROOT_MEAN_SQUARE_>
__device__ __forceinline__ void step_norm(const StepNormParams& p) {
    overlap_next();
    await_previous();
    int vectors = p.width / 8;
    const uint4* source = static_cast<const uint4*>(p.x) + static_cast<i64>(blockIdx.x) * vectors;
    uint4* target = static_cast<uint4*>(p.y) + static_cast<i64>(blockIdx.x) * vectors;
    float x[NORM_VECTORS][8];
    float sum = 0.f;
#pragma unroll
    for (int v = 0; v < NORM_VECTORS; ++v) {
        int i = v * NORM_THREADS + threadIdx.x;
        unpack_vector<Element>(x[v], i < vectors ? source[i] : make_uint4(0u, 0u, 0u, 0u));
#pragma unroll
        for (int j = 0; j < 8; ++j) sum += x[v][j];
    }
    float mean = ROOT_MEAN_SQUARE_ ? 0.f : block_sum(sum) / p.width;
    float squares = 0.f;
#pragma unroll
    for (int v = 0; v < NORM_VECTORS; ++v) {
        bool inside = v * NORM_THREADS + threadIdx.x < vectors;
#pragma unroll
        for (int j = 0; j < 8; ++j) {
            float distance = inside ? x[v][j] - mean : 0.f;
            squares += distance * distance;
        }
    }
    float factor = rsqrtf(block_sum(squares) / p.width + p.epsilon);
#pragma unroll
    for (int v = 0; v < NORM_VECTORS; ++v) {
        int i = v * NORM_THREADS + threadIdx.x;
        if (i >= vectors) break;
        float gain[8], shift[8];
        unpack_vector<Element>(gain, static_cast<const uint4*>(p.gain)[i]);
        unpack_vector<Element>(shift, p.shift ? static_cast<const uint4*>(p.shift)[i] : make_uint4(0u, 0u, 0u, 0u));
#pragma unroll
        for (int j = 0; j < 8; ++j) x[v][j] = (x[v][j] - mean) * factor * gain[j] + shift[j];
        target[i] = pack_vector<Element>(x[v]);
    }
}

}  // namespace flash
