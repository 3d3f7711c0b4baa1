// Sums over a block of 256 threads, in a fixed order.
#pragma once

namespace flash {

template <typename T>
__device__ __forceinline__ T block_sum(T value) {
    __shared__ T warps[8];
#pragma unroll
    for (int lane = 16; lane > 0; lane /= 2) value += __shfl_xor_sync(0xffffffffu, value, lane);
    __syncthreads();  // sums of the call before are read
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
    __syncthreads();
    T sum = 0;
#pragma unroll
    for (int warp = 0; warp < 8; warp++) sum += warps[warp];
    return sum;
}

}  // namespace flash
