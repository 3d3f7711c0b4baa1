// The vectors of the tokens read, and the lengths with these tokens. A block does one row.
#pragma once

#include "step/overlap.cuh"
#include "step/params.cuh"
#include "step/vector.cuh"

namespace flash {

template <class Element>
__device__ __forceinline__ void step_embed(const StepEmbedParams& p) {
    overlap_next();
    int row = blockIdx.x;
    // A row that has ended is still read: it stays within the cache.
    int position = min(p.lengths[row], p.capacity - 1);
    __syncthreads();
    if (threadIdx.x == 0) p.lengths[row] = position + 1;
    const uint4* token = static_cast<const uint4*>(p.tokens) + static_cast<i64>(max(p.ids[row], 0)) * p.width / 8;
    const uint4* place = static_cast<const uint4*>(p.positions) + static_cast<i64>(position) * p.width / 8;
    uint4* hidden = static_cast<uint4*>(p.hidden) + static_cast<i64>(row) * p.width / 8;
    for (int i = threadIdx.x; i < p.width / 8; i += blockDim.x) {
        uint4 sum = token[i];
        if (p.positions) {
            float x[8], y[8];
            unpack_vector<Element>(x, sum);
            unpack_vector<Element>(y, place[i]);
#pragma unroll
            for (int j = 0; j < 8; ++j) x[j] += y[j];
            sum = pack_vector<Element>(x);
        }
        hidden[i] = sum;
    }
}

}  // namespace flash
