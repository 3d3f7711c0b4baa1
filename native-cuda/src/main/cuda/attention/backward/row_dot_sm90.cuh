// First step of the Hopper backward, bound by memory: as row_dot.cuh, in the layouts of layout_sm90.cuh. Queries past the
// end get {+inf, 0}: their weights are 0.
#pragma once

#include "attention/backward/layout_sm90.cuh"
#include "attention/backward/row_dot.cuh"
#include "tile/launch_sm90.cuh"

namespace flash {

template <class Element, int D, int M>
__device__ __forceinline__ void backward_row_dot_sm90(const RowDotParams& p) {
    using Lanes = RowLanes<D>;
    const Problem& problem = p.problem;
    allow_next_kernel();
    await_previous_kernel();
    int lane = threadIdx.x % Lanes::LANES;
    i64 row = static_cast<i64>(blockIdx.x) * Lanes::ROWS_PER_BLOCK + threadIdx.x / Lanes::LANES;  // with padding
    int m_blocks = tiles(problem.queries, M);
    int tile = static_cast<int>(row / M), tile_row = static_cast<int>(row % M);
    int head_index = tile / m_blocks;  // batch * Hq + head
    int query = tile % m_blocks * M + tile_row;
    if (head_index >= problem.batch * problem.heads) return;  // whole warps
    bool inside = query < problem.queries;

    float sum = 0.f;
    if (inside && lane * 8 < problem.head_dim) {
        int batch = head_index / problem.heads, head = head_index % problem.heads;
        const char* o = static_cast<const char*>(p.o.data) + lane * 16 +
                        (batch * p.o.batch + head * p.o.head + query * p.o.row) * 2;
        const char* d_o = static_cast<const char*>(p.d_o.data) + lane * 16 +
                          (batch * p.d_o.batch + head * p.d_o.head + query * p.d_o.row) * 2;
        uint4 x = *reinterpret_cast<const uint4*>(o);
        uint4 y = *reinterpret_cast<const uint4*>(d_o);
        sum = dot_pair<Element>(x.x, y.x, sum);
        sum = dot_pair<Element>(x.y, y.y, sum);
        sum = dot_pair<Element>(x.z, y.z, sum);
        sum = dot_pair<Element>(x.w, y.w, sum);
    }
    if (lane < Lanes::CHUNKS) {
        float4* accumulator = reinterpret_cast<float4*>(p.dq_accum + row * D) + lane;
        accumulator[0] = make_float4(0.f, 0.f, 0.f, 0.f);
        accumulator[Lanes::CHUNKS] = make_float4(0.f, 0.f, 0.f, 0.f);
    }
#pragma unroll
    for (int distance = 1; distance < Lanes::LANES; distance *= 2) sum += __shfl_xor_sync(0xffffffffu, sum, distance);
    if (lane == 0) {
        float lse2 = inside ? p.lse[static_cast<i64>(head_index) * problem.queries + query] * LOG2_E : negative_infinity();
        float* stats = p.row_stats + static_cast<i64>(tile) * (2 * M) + tile_row;
        stats[0] = lse2 == negative_infinity() ? positive_infinity() : lse2;
        stats[M] = sum;
        if (p.dq_turn && tile_row == 0) p.dq_turn[tile] = 0;
    }
}

}  // namespace flash
