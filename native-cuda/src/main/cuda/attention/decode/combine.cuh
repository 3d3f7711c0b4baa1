// Merges the splits of one row: O = sum_s 2^(lse_s - max) O_s / sum_s 2^(lse_s - max). One block a row, in split order,
// so the result does not depend on timing. Bound by the latency of two dependent reads.
#pragma once

#include "attention/params.cuh"
#include "attention/softmax_state.cuh"
#include "tile/element.cuh"
#include "tile/math.cuh"

namespace flash {

constexpr int COMBINE_THREADS = 256;
constexpr int MAX_SPLITS = 512;

// Maximum and sum over the block; `slots` holds one float a warp.
__device__ __forceinline__ float block_reduce(float x, float* slots, bool take_max) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) {
        float other = __shfl_xor_sync(0xffffffffu, x, distance);
        x = take_max ? fmaxf(x, other) : x + other;
    }
    __syncthreads();
    if (threadIdx.x % 32 == 0) slots[threadIdx.x / 32] = x;
    __syncthreads();
    x = slots[0];
#pragma unroll
    for (int w = 1; w < COMBINE_THREADS / 32; ++w) x = take_max ? fmaxf(x, slots[w]) : x + slots[w];
    return x;
}

template <class Element, int D>
__device__ __forceinline__ void decode_combine(const DecodeCombineParams& p) {
    constexpr int LANES = D / 4;                       // threads across one row
    constexpr int GROUPS = COMBINE_THREADS / LANES;    // splits read at once
    __shared__ float weights[MAX_SPLITS];
    __shared__ float slots[COMBINE_THREADS / 32];
    __shared__ float4 parts[GROUPS][LANES];
    if (p.splits == 1) return;

    const Problem& problem = p.problem;
    i64 plane = static_cast<i64>(problem.batch) * problem.heads * problem.queries;
    i64 index = blockIdx.x;  // (batch * Hq + head) * T + query
    int thread = threadIdx.x;

    float top = negative_infinity();
    for (int s = thread; s < p.splits; s += COMBINE_THREADS) {
        float lse2 = p.partial_lse[s * plane + index];
        weights[s] = lse2;
        top = fmaxf(top, lse2);
    }
    top = block_reduce(top, slots, true);
    float reference = top == negative_infinity() ? 0.f : top;
    float total = 0.f;
    for (int s = thread; s < p.splits; s += COMBINE_THREADS) {
        weights[s] = exp2_fast(weights[s] - reference);
        total += weights[s];
    }
    total = block_reduce(total, slots, false);
    if (thread == 0 && p.lse) p.lse[index] = log_sum_exp_2(reference, total) * LN_2;

    int group = thread / LANES;
    int lane = thread % LANES;
    if (group < GROUPS) {
        float4 x = make_float4(0.f, 0.f, 0.f, 0.f);
        const float* source = p.partial_o + index * D + lane * 4;
#pragma unroll 8
        for (int s = group; s < p.splits; s += GROUPS) {
            float weight = weights[s];
            if (weight != 0.f) {  // an empty split has written no values
                float4 y = *reinterpret_cast<const float4*>(source + s * plane * D);
                x.x += weight * y.x;
                x.y += weight * y.y;
                x.z += weight * y.z;
                x.w += weight * y.w;
            }
        }
        parts[group][lane] = x;
    }
    __syncthreads();
    if (thread < LANES && thread * 4 < problem.head_dim) {
        float4 x = make_float4(0.f, 0.f, 0.f, 0.f);
#pragma unroll
        for (int g = 0; g < GROUPS; ++g) {
            x.x += parts[g][thread].x;
            x.y += parts[g][thread].y;
            x.z += parts[g][thread].z;
            x.w += parts[g][thread].w;
        }
        float inverse = total == 0.f ? 0.f : reciprocal_fast(total);
        i64 head_index = index / problem.queries;
        i64 query = index % problem.queries;
        char* target = static_cast<char*>(p.o.data) + (head_index / problem.heads * p.o.batch +
                                                       head_index % problem.heads * p.o.head + query * p.o.row) * 2;
        *reinterpret_cast<uint2*>(target + thread * 8) =
            make_uint2(Element::pack(x.x * inverse, x.y * inverse), Element::pack(x.z * inverse, x.w * inverse));
    }
}

}  // namespace flash
