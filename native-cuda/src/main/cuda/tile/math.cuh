// Single-instruction math; plain C division and exp2f compile to tens of instructions.
#pragma once

namespace flash {

constexpr float LOG2_E = 1.4426950408889634f;
constexpr float LN_2 = 0.6931471805599453f;

__device__ __forceinline__ float negative_infinity() { return __int_as_float(0xff800000); }
__device__ __forceinline__ float positive_infinity() { return __int_as_float(0x7f800000); }

constexpr float LARGEST_FLOAT = 3.402823466e38f;
constexpr float SMALLEST_FLOAT = 1.175494351e-38f;  // of the normal ones

__device__ __forceinline__ float exp2_fast(float x) {
    float r;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
    return r;
}

__device__ __forceinline__ float log2_fast(float x) {
    float r;
    asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
    return r;
}

__device__ __forceinline__ float reciprocal_fast(float x) {
    float r;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
    return r;
}

// The same value, opaque: what is derived from it is not computed ahead of a loop, where it would occupy registers.
__device__ __forceinline__ int pinned(int x) {
    asm volatile("" : "+r"(x));
    return x;
}

// A value that is the same in all lanes: tells the compiler so. Branches on it keep the warp together.
__device__ __forceinline__ int uniform(int x) { return __shfl_sync(0xffffffffu, x, 0); }

// blockIdx.x without letting the compiler merge the reads.
__device__ __forceinline__ int block_index() {
    int index;
    asm volatile("mov.u32 %0, %%ctaid.x;" : "=r"(index));
    return index;
}

// gridDim.x, likewise.
__device__ __forceinline__ int grid_size() {
    int size;
    asm volatile("mov.u32 %0, %%nctaid.x;" : "=r"(size));
    return size;
}

__device__ __forceinline__ int tiles(int length, int tile) { return (length + tile - 1) / tile; }

}  // namespace flash
