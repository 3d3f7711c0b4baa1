// Online softmax of one row: running maximum and sum, in the log2 domain after scaling.
//
// The maximum only moves when a score passes it by more than 8 (a factor of 256): until then the weights may grow to
// 256, which fp16 and bf16 hold with the same relative precision, and the accumulator need not be rescaled.
#pragma once

#include "tile/math.cuh"

namespace flash {

constexpr float RESCALE_THRESHOLD = 8.f;

// exp2(s * c - maximum) is one fma: s * c is not rounded, the maximum was. Beyond this size that difference matters.
constexpr float WIDE_MAXIMUM = 1048576.f;

struct SoftmaxRow {
    float maximum;  // of scaled scores; -inf: nothing seen yet
    float sum;      // of this lane's weights

    __device__ __forceinline__ void reset() {
        maximum = negative_infinity();
        sum = 0.f;
    }

    // What exponents are taken against; an empty row uses 0, since -inf - -inf is NaN.
    __device__ __forceinline__ float reference() const { return maximum == negative_infinity() ? 0.f : maximum; }
};

// Maximum over the four lanes that share a row of an mma accumulator.
__device__ __forceinline__ float quad_max(float x) {
    x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
    return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}

__device__ __forceinline__ float quad_sum(float x) {
    x += __shfl_xor_sync(0xffffffffu, x, 1);
    return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

// Log-sum-exp in the log2 domain of a finished row; -inf for an empty one.
__device__ __forceinline__ float log_sum_exp_2(float maximum, float sum) {
    return sum == 0.f ? negative_infinity() : maximum + log2_fast(sum);
}

// The same in natural units, with the error of a float where ACCURATE.
template <bool ACCURATE>
__device__ __forceinline__ float log_sum_exp(float maximum, float sum) {
    if (!ACCURATE) return log_sum_exp_2(maximum, sum) * LN_2;
    return sum == 0.f ? negative_infinity() : fmaf(maximum, LN_2, logf(sum));
}

}  // namespace flash
