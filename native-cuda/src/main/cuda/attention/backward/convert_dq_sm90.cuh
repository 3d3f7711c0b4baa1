// Last step of the Hopper backward, bound by memory: dQ = scale * accumulator, as elements. A block takes one query tile;
// its threads hold what those of the consumers held.
#pragma once

#include "attention/backward/layout_sm90.cuh"
#include "attention/params.cuh"
#include "tile/element.cuh"
#include "tile/launch_sm90.cuh"
#include "tile/math.cuh"
#include "tile/store_sm90.cuh"

namespace flash {

template <class Element, int D, int M>
__device__ __forceinline__ void backward_convert_dq_sm90(const ConvertDqParams& p) {
    using Dq = DqShare<D, M>;
    const Problem& problem = p.problem;
    await_previous_kernel();
    int m_blocks = tiles(problem.queries, M);
    int head_index = blockIdx.x / m_blocks, m = blockIdx.x % m_blocks;
    int consumer = threadIdx.x / 128;
    const float4* source = reinterpret_cast<const float4*>(p.dq_accum + static_cast<i64>(blockIdx.x) * (M * D) +
                                                           consumer * (Dq::BYTES / 4)) +
                           threadIdx.x % 128;
    float dq[Dq::REGISTERS];
#pragma unroll
    for (int i = 0; i < Dq::REGISTERS / 4; ++i) {
        float4 x = source[i * 128];
        dq[4 * i] = x.x;
        dq[4 * i + 1] = x.y;
        dq[4 * i + 2] = x.z;
        dq[4 * i + 3] = x.w;
    }
    int first = m * M + Dq::row(consumer), column = Dq::column(consumer);
    char* target = static_cast<char*>(p.dq.data) + (head_index / problem.heads * p.dq.batch +
                                                    head_index % problem.heads * p.dq.head + first * p.dq.row + column) * 2;
    store_accumulators<Element, Dq::COLUMNS>(dq, problem.scale, target, p.dq.row * 2, 64, problem.queries - first,
                                             problem.head_dim - column);
}

}  // namespace flash
