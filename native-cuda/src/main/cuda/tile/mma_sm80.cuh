// mma.sync m16n8k16 with fp32 accumulation. A lane (g = lane / 4, t = lane % 4) holds of the accumulator
// {(g, 2t), (g, 2t+1), (g+8, 2t), (g+8, 2t+1)}; two neighbouring accumulators packed to 16 bits are the A operand of
// one k-step, without any exchange between lanes.
#pragma once

#include "tile/element.cuh"

namespace flash {

template <class Element>
struct Mma;

template <>
struct Mma<fp16> {
    static __device__ __forceinline__ void run(float (&d)[4], const unsigned int (&a)[4], unsigned int b0,
                                               unsigned int b1) {
        asm volatile(
            "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
            : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    }
};

template <>
struct Mma<bf16> {
    static __device__ __forceinline__ void run(float (&d)[4], const unsigned int (&a)[4], unsigned int b0,
                                               unsigned int b1) {
        asm volatile(
            "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
            : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    }
};

// Transposes an 8x8 matrix of 16-bit elements that a warp holds in one register.
__device__ __forceinline__ unsigned int transpose_8x8(unsigned int a) {
    unsigned int d;
    asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(d) : "r"(a));
    return d;
}

__device__ __forceinline__ void clear(float (&accumulator)[4]) {
#pragma unroll
    for (int i = 0; i < 4; ++i) accumulator[i] = 0.f;
}

template <int N>
__device__ __forceinline__ void clear(float (&accumulator)[N][4]) {
#pragma unroll
    for (int i = 0; i < N; ++i) clear(accumulator[i]);
}

__device__ __forceinline__ void add_scaled(float (&accumulator)[4], const float (&x)[4], float scale) {
#pragma unroll
    for (int i = 0; i < 4; ++i) accumulator[i] = fmaf(x[i], scale, accumulator[i]);
}

}  // namespace flash
