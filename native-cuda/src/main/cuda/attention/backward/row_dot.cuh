// First step of the backward, bound by memory: per query {log-sum-exp in the log2 domain, sum over D of O * dO}, and the
// zeroing of what the main step adds to. An empty row gets +inf, so that every recomputed weight is exactly 0.
#pragma once

#include "attention/params.cuh"
#include "tile/element.cuh"
#include "tile/math.cuh"

namespace flash {

constexpr int ROW_KERNEL_THREADS = 256;

// Threads that share one row, 8 columns each: a power of two, so that they can reduce by shuffles.
template <int D>
struct RowLanes {
    static constexpr int CHUNKS = D / 8;
    static constexpr int LANES = CHUNKS <= 2 ? 2 : CHUNKS <= 4 ? 4 : CHUNKS <= 8 ? 8 : CHUNKS <= 16 ? 16 : 32;
    static constexpr int ROWS_PER_BLOCK = ROW_KERNEL_THREADS / LANES;
};

template <class Element>
__device__ __forceinline__ float dot_pair(unsigned int a, unsigned int b, float sum) {
    float2 x = Element::unpack(a);
    float2 y = Element::unpack(b);
    return fmaf(x.x, y.x, fmaf(x.y, y.y, sum));
}

// One word of each: two elements of 16 bits or one of 32.
template <class Element>
__device__ __forceinline__ float dot_word(unsigned int a, unsigned int b, float sum) {
    if constexpr (Element::BYTES == 2) return dot_pair<Element>(a, b, sum);
    return fmaf(__uint_as_float(a), __uint_as_float(b), sum);
}

template <class Element, int D, int M>
__device__ __forceinline__ void backward_row_dot(const RowDotParams& p) {
    using Lanes = RowLanes<D>;
    const Problem& problem = p.problem;
    int lane = threadIdx.x % Lanes::LANES;
    i64 row = static_cast<i64>(blockIdx.x) * Lanes::ROWS_PER_BLOCK + threadIdx.x / Lanes::LANES;
    bool inside = row < static_cast<i64>(problem.batch) * problem.heads * problem.queries;
    i64 head_index = inside ? row / problem.queries : 0;  // batch * Hq + head
    int query = inside ? static_cast<int>(row - head_index * problem.queries) : 0;
    int batch = static_cast<int>(head_index / problem.heads);
    int head = static_cast<int>(head_index % problem.heads);

    float sum = 0.f;
    if (inside && lane * 8 < problem.head_dim) {
        constexpr int BYTES = Element::BYTES;
        const char* o = static_cast<const char*>(p.o.data) +
                        (batch * p.o.batch + head * p.o.head + query * p.o.row + lane * 8) * BYTES;
        const char* d_o = static_cast<const char*>(p.d_o.data) +
                          (batch * p.d_o.batch + head * p.d_o.head + query * p.d_o.row + lane * 8) * BYTES;
#pragma unroll
        for (int i = 0; i < BYTES / 2; ++i) {
            uint4 x = reinterpret_cast<const uint4*>(o)[i];
            uint4 y = reinterpret_cast<const uint4*>(d_o)[i];
            sum = dot_word<Element>(x.x, y.x, sum);
            sum = dot_word<Element>(x.y, y.y, sum);
            sum = dot_word<Element>(x.z, y.z, sum);
            sum = dot_word<Element>(x.w, y.w, sum);
        }
    }
#pragma unroll
    for (int distance = 1; distance < Lanes::LANES; distance *= 2) sum += __shfl_xor_sync(0xffffffffu, sum, distance);
    if (!inside) return;
    if (lane < Lanes::CHUNKS) {
        float4* accumulator = reinterpret_cast<float4*>(p.dq_accum + row * D) + lane;
        accumulator[0] = make_float4(0.f, 0.f, 0.f, 0.f);
        accumulator[Lanes::CHUNKS] = make_float4(0.f, 0.f, 0.f, 0.f);
    }
    if (lane == 0) {
        float lse2 = p.lse[row] * LOG2_E;
        reinterpret_cast<float2*>(p.row_stats)[row] =
            make_float2(lse2 == negative_infinity() ? positive_infinity() : lse2, sum);
        if (p.dq_turn && query % M == 0) p.dq_turn[head_index * tiles(problem.queries, M) + query / M] = 0;
    }
}

}  // namespace flash
