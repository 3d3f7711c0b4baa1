// The element types as tags: packing of float pairs to 16 bits, unpacking, and the name mma.sync knows them by.
// No header of the toolkit is needed: pairs travel as one 32-bit word, the lower half is the lower column.
// PARTS: the 16-bit numbers that stand for one element in a product, MULTIPLIED their type.
#pragma once

namespace flash {

struct fp16 {
    using Multiplied = fp16;
    static constexpr int BYTES = 2;
    static constexpr int PARTS = 1;
    static __device__ __forceinline__ unsigned int pack(float low, float high) {
        unsigned int r;
        asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
        return r;
    }
    static __device__ __forceinline__ float2 unpack(unsigned int pair) {
        float2 f;
        asm("{ .reg .b16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h; }"
            : "=f"(f.x), "=f"(f.y)
            : "r"(pair));
        return f;
    }
    static __device__ __forceinline__ float load(const void* base, long long index) {
        return unpack(static_cast<const unsigned short*>(base)[index]).x;
    }
};

struct bf16 {
    using Multiplied = bf16;
    static constexpr int BYTES = 2;
    static constexpr int PARTS = 1;
    static __device__ __forceinline__ unsigned int pack(float low, float high) {
        unsigned int r;
        asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
        return r;
    }
    static __device__ __forceinline__ float2 unpack(unsigned int pair) {
        float2 f;  // opaque, so that the compiler does not unpack long before the use and hold twice the registers
        asm volatile("{ shl.b32 %0, %2, 16; and.b32 %1, %2, 0xffff0000; }" : "=f"(f.x), "=f"(f.y) : "r"(pair));
        return f;
    }
    static __device__ __forceinline__ float load(const void* base, long long index) {
        return __uint_as_float(static_cast<unsigned int>(static_cast<const unsigned short*>(base)[index]) << 16);
    }
};

// Multiplied as high and low part: see tile/split.cuh.
struct fp32 {
    using Multiplied = fp16;
    static constexpr int BYTES = 4;
    static constexpr int PARTS = 2;
    static __device__ __forceinline__ float load(const void* base, long long index) {
        return static_cast<const float*>(base)[index];
    }
};

}  // namespace flash
