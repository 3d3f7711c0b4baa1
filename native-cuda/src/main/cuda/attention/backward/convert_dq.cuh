// Last step of the backward, bound by memory: dQ = scale * accumulator, as elements.
//
// The accumulator keeps each group of 16 columns in the order in which an mma lane holds two neighbouring accumulators,
// so that the main step adds four floats at once: column d of a group lies at 4 * (d % 8 / 2) + 2 * (d / 8) + d % 2.
#pragma once

#include "attention/backward/row_dot.cuh"

namespace flash {

template <class Element, int D>
__device__ __forceinline__ void backward_convert_dq(const ConvertDqParams& p) {
    using Lanes = RowLanes<D>;
    const Problem& problem = p.problem;
    int lane = threadIdx.x % Lanes::LANES;  // columns 8 * lane .. 8 * lane + 7: one half of a group of 16
    i64 row = static_cast<i64>(blockIdx.x) * Lanes::ROWS_PER_BLOCK + threadIdx.x / Lanes::LANES;
    if (row >= static_cast<i64>(problem.batch) * problem.heads * problem.queries) return;
    if (lane * 8 >= problem.head_dim) return;
    i64 head_index = row / problem.queries;
    i64 query = row - head_index * problem.queries;

    const float* source = p.dq_accum + row * D + lane / 2 * 16 + lane % 2 * 2;
    float2 pairs[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        pairs[i] = *reinterpret_cast<const float2*>(source + 4 * i);
        pairs[i].x *= problem.scale;
        pairs[i].y *= problem.scale;
    }
    char* target = static_cast<char*>(p.dq.data) +
                   (head_index / problem.heads * p.dq.batch + head_index % problem.heads * p.dq.head +
                    query * p.dq.row + lane * 8) *
                       Element::BYTES;
    if constexpr (Element::BYTES == 4) {
        float4* floats = reinterpret_cast<float4*>(target);
        floats[0] = make_float4(pairs[0].x, pairs[0].y, pairs[1].x, pairs[1].y);
        floats[1] = make_float4(pairs[2].x, pairs[2].y, pairs[3].x, pairs[3].y);
    } else {
        *reinterpret_cast<uint4*>(target) =
            make_uint4(Element::pack(pairs[0].x, pairs[0].y), Element::pack(pairs[1].x, pairs[1].y),
                       Element::pack(pairs[2].x, pairs[2].y), Element::pack(pairs[3].x, pairs[3].y));
    }
}

}  // namespace flash
