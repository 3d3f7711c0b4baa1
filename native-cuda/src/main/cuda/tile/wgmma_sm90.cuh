// wgmma m64nNk16 with fp32 accumulation (sm_90a): four consecutive warps multiply 64 x 16 by 16 x N.
//
// Warp w of the group holds rows 16w..16w+15 of the accumulator, lane (g = lane / 4, t = lane % 4) of column group j:
// d[4j], d[4j+1] = (g, 8j + 2t), (g, 8j + 2t + 1); d[4j+2], d[4j+3] the same columns of row g + 8. Packed to 16 bits, the
// accumulators of 16 neighbouring columns are the A operand of one k-step in registers.
//
// Order of a batch: wgmma_fence, products, wgmma_commit, wgmma_wait. The fence is needed again before products that read
// registers written since; accumulators and register operands may not be touched before the wait.
#pragma once

#include "tile/element.cuh"

namespace flash {

__device__ __forceinline__ void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

__device__ __forceinline__ void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

// At most PENDING committed groups are unfinished.
template <int PENDING>
__device__ __forceinline__ void wgmma_wait() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(PENDING) : "memory");
}

// Uses of the registers stay behind this point: the compiler does not know that a product writes them until the wait.
template <int COUNT>
__device__ __forceinline__ void hold(float (&registers)[COUNT]) {
#pragma unroll
    for (int i = 0; i < COUNT; ++i) asm volatile("" : "+f"(registers[i])::"memory");
}

template <int COUNT>
__device__ __forceinline__ void hold(unsigned int (&registers)[COUNT]) {
#pragma unroll
    for (int i = 0; i < COUNT; ++i) asm volatile("" : "+r"(registers[i])::"memory");
}

// Moves registers between warp groups of a block; all four warps execute it.
template <int REGISTERS>
__device__ __forceinline__ void registers_increase() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(REGISTERS));
}

template <int REGISTERS>
__device__ __forceinline__ void registers_decrease() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(REGISTERS));
}

// A tile of 16-bit elements in shared memory as TMA writes it: panels of [rows][SWIZZLE bytes], one after the other.
// An operand is "along" if the reduction runs along its rows (Q and K in Q K^T) and "across" if it runs over its rows (V
// in P V: the transposition bit is 1). Both advance by adding 16-byte units to the descriptor.
template <int SWIZZLE>
struct Panels {
    static_assert(SWIZZLE == 128 || SWIZZLE == 64 || SWIZZLE == 32, "widths TMA and wgmma share");
    static constexpr int COLUMNS = SWIZZLE / 2;
    static constexpr unsigned long long CODE = SWIZZLE == 128 ? 1 : SWIZZLE == 64 ? 2 : 3;
    static constexpr unsigned long long HIGH = CODE << 62 | static_cast<unsigned long long>(8 * SWIZZLE / 16) << 32;

    // The tile, or a multiple of 8 rows further into it, at `address`; a panel is `rows` high.
    static __device__ __forceinline__ unsigned long long descriptor(unsigned int address, int rows) {
        return HIGH | (static_cast<unsigned int>(rows * SWIZZLE / 16) << 16 | (address & 0x3ffff) >> 4);
    }

    // Units from the tile's descriptor to that of a reduction along the rows, 16 columns a step.
    static constexpr __device__ __forceinline__ int along(int step, int rows) {
        return step * 16 / COLUMNS * (rows * SWIZZLE / 16) + step * 16 % COLUMNS / 8;
    }

    // Units from the tile's descriptor to that of a reduction over the rows, 16 rows a step.
    static constexpr __device__ __forceinline__ int across(int step) { return step * SWIZZLE; }

    // Bytes from the tile's start to a 16-byte chunk (8 columns).
    static __device__ __forceinline__ unsigned int offset(int row, int chunk, int rows) {
        constexpr int CHUNKS = SWIZZLE / 16;
        unsigned int swizzled = (chunk % CHUNKS) ^ (row / (8 / CHUNKS) % CHUNKS);
        return chunk / CHUNKS * rows * SWIZZLE + row * SWIZZLE + swizzled * 16;
    }
};

// Four 8x8 matrices from registers to shared memory; lane i gives the address of row i % 8 of matrix i / 8. The first
// form writes the fragments of an accumulator (see above) as they are, the second transposed.
__device__ __forceinline__ void store_matrix_x4(unsigned int address, unsigned int a, unsigned int b, unsigned int c,
                                                unsigned int d) {
    asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(a), "r"(b),
                 "r"(c), "r"(d)
                 : "memory");
}

__device__ __forceinline__ void store_matrix_x4_transposed(unsigned int address, unsigned int a, unsigned int b,
                                                           unsigned int c, unsigned int d) {
    asm volatile("stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(a),
                 "r"(b), "r"(c), "r"(d)
                 : "memory");
}

// One k-step: D = A B, or D += A B if `accumulate`. TRANS_A and TRANS_B: 0 reduction along the rows, 1 over the rows.
template <class Element, int N>
struct Wgmma;

#define FLASH_WGMMA_LIST_16 "%0, %1, %2, %3, %4, %5, %6, %7"
#define FLASH_WGMMA_LIST_32 FLASH_WGMMA_LIST_16 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define FLASH_WGMMA_LIST_48 FLASH_WGMMA_LIST_32 ", %16, %17, %18, %19, %20, %21, %22, %23"
#define FLASH_WGMMA_LIST_64 FLASH_WGMMA_LIST_48 ", %24, %25, %26, %27, %28, %29, %30, %31"
#define FLASH_WGMMA_LIST_80 FLASH_WGMMA_LIST_64 ", %32, %33, %34, %35, %36, %37, %38, %39"
#define FLASH_WGMMA_LIST_96 FLASH_WGMMA_LIST_80 ", %40, %41, %42, %43, %44, %45, %46, %47"
#define FLASH_WGMMA_LIST_112 FLASH_WGMMA_LIST_96 ", %48, %49, %50, %51, %52, %53, %54, %55"
#define FLASH_WGMMA_LIST_128 FLASH_WGMMA_LIST_112 ", %56, %57, %58, %59, %60, %61, %62, %63"
#define FLASH_WGMMA_LIST_144 FLASH_WGMMA_LIST_128 ", %64, %65, %66, %67, %68, %69, %70, %71"
#define FLASH_WGMMA_LIST_160 FLASH_WGMMA_LIST_144 ", %72, %73, %74, %75, %76, %77, %78, %79"
#define FLASH_WGMMA_LIST_176 FLASH_WGMMA_LIST_160 ", %80, %81, %82, %83, %84, %85, %86, %87"
#define FLASH_WGMMA_LIST_192 FLASH_WGMMA_LIST_176 ", %88, %89, %90, %91, %92, %93, %94, %95"
#define FLASH_WGMMA_LIST_208 FLASH_WGMMA_LIST_192 ", %96, %97, %98, %99, %100, %101, %102, %103"
#define FLASH_WGMMA_LIST_224 FLASH_WGMMA_LIST_208 ", %104, %105, %106, %107, %108, %109, %110, %111"
#define FLASH_WGMMA_LIST_240 FLASH_WGMMA_LIST_224 ", %112, %113, %114, %115, %116, %117, %118, %119"
#define FLASH_WGMMA_LIST_256 FLASH_WGMMA_LIST_240 ", %120, %121, %122, %123, %124, %125, %126, %127"
#define FLASH_WGMMA_EIGHT(i)                                                                             \
    "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), \
        "+f"(d[i + 6]), "+f"(d[i + 7])
#define FLASH_WGMMA_BOUND_16 FLASH_WGMMA_EIGHT(0)
#define FLASH_WGMMA_BOUND_32 FLASH_WGMMA_BOUND_16, FLASH_WGMMA_EIGHT(8)
#define FLASH_WGMMA_BOUND_48 FLASH_WGMMA_BOUND_32, FLASH_WGMMA_EIGHT(16)
#define FLASH_WGMMA_BOUND_64 FLASH_WGMMA_BOUND_48, FLASH_WGMMA_EIGHT(24)
#define FLASH_WGMMA_BOUND_80 FLASH_WGMMA_BOUND_64, FLASH_WGMMA_EIGHT(32)
#define FLASH_WGMMA_BOUND_96 FLASH_WGMMA_BOUND_80, FLASH_WGMMA_EIGHT(40)
#define FLASH_WGMMA_BOUND_112 FLASH_WGMMA_BOUND_96, FLASH_WGMMA_EIGHT(48)
#define FLASH_WGMMA_BOUND_128 FLASH_WGMMA_BOUND_112, FLASH_WGMMA_EIGHT(56)
#define FLASH_WGMMA_BOUND_144 FLASH_WGMMA_BOUND_128, FLASH_WGMMA_EIGHT(64)
#define FLASH_WGMMA_BOUND_160 FLASH_WGMMA_BOUND_144, FLASH_WGMMA_EIGHT(72)
#define FLASH_WGMMA_BOUND_176 FLASH_WGMMA_BOUND_160, FLASH_WGMMA_EIGHT(80)
#define FLASH_WGMMA_BOUND_192 FLASH_WGMMA_BOUND_176, FLASH_WGMMA_EIGHT(88)
#define FLASH_WGMMA_BOUND_208 FLASH_WGMMA_BOUND_192, FLASH_WGMMA_EIGHT(96)
#define FLASH_WGMMA_BOUND_224 FLASH_WGMMA_BOUND_208, FLASH_WGMMA_EIGHT(104)
#define FLASH_WGMMA_BOUND_240 FLASH_WGMMA_BOUND_224, FLASH_WGMMA_EIGHT(112)
#define FLASH_WGMMA_BOUND_256 FLASH_WGMMA_BOUND_240, FLASH_WGMMA_EIGHT(120)

// i0..i6: the numbers of the operands after the accumulators.
#define FLASH_WGMMA(ELEMENT, TYPE, N, i0, i1, i2, i3, i4, i5, i6)                                                   \
    template <>                                                                                                     \
    struct Wgmma<ELEMENT, N> {                                                                                      \
        template <int TRANS_A, int TRANS_B>                                                                         \
        static __device__ __forceinline__ void shared(float (&d)[N / 2], unsigned long long a, unsigned long long b, \
                                                      int accumulate) {                                             \
            asm volatile("{ .reg .pred p; setp.ne.b32 p, %" #i2 ", 0; wgmma.mma_async.sync.aligned.m64n" #N         \
                         "k16.f32." TYPE "." TYPE " {" FLASH_WGMMA_LIST_##N "}, %" #i0 ", %" #i1 ", p, 1, 1, %" #i3  \
                         ", %" #i4 "; }"                                                                            \
                         : FLASH_WGMMA_BOUND_##N                                                                    \
                         : "l"(a), "l"(b), "r"(accumulate), "n"(TRANS_A), "n"(TRANS_B)                              \
                         : "memory");                                                                               \
        }                                                                                                           \
        template <int TRANS_B>                                                                                      \
        static __device__ __forceinline__ void registers(float (&d)[N / 2], const unsigned int* a,                  \
                                                         unsigned long long b, int accumulate) {                    \
            asm volatile("{ .reg .pred p; setp.ne.b32 p, %" #i5 ", 0; wgmma.mma_async.sync.aligned.m64n" #N         \
                         "k16.f32." TYPE "." TYPE " {" FLASH_WGMMA_LIST_##N "}, {%" #i0 ", %" #i1 ", %" #i2 ", %" #i3 \
                         "}, %" #i4 ", p, 1, 1, %" #i6 "; }"                                                        \
                         : FLASH_WGMMA_BOUND_##N                                                                    \
                         : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(accumulate), "n"(TRANS_B)        \
                         : "memory");                                                                               \
        }                                                                                                           \
    };
#define FLASH_WGMMA_BOTH(N, ...)               \
    FLASH_WGMMA(bf16, "bf16", N, __VA_ARGS__) \
    FLASH_WGMMA(fp16, "f16", N, __VA_ARGS__)

FLASH_WGMMA_BOTH(16, 8, 9, 10, 11, 12, 13, 14)
FLASH_WGMMA_BOTH(32, 16, 17, 18, 19, 20, 21, 22)
FLASH_WGMMA_BOTH(48, 24, 25, 26, 27, 28, 29, 30)
FLASH_WGMMA_BOTH(64, 32, 33, 34, 35, 36, 37, 38)
FLASH_WGMMA_BOTH(80, 40, 41, 42, 43, 44, 45, 46)
FLASH_WGMMA_BOTH(96, 48, 49, 50, 51, 52, 53, 54)
FLASH_WGMMA_BOTH(112, 56, 57, 58, 59, 60, 61, 62)
FLASH_WGMMA_BOTH(128, 64, 65, 66, 67, 68, 69, 70)
FLASH_WGMMA_BOTH(144, 72, 73, 74, 75, 76, 77, 78)
FLASH_WGMMA_BOTH(160, 80, 81, 82, 83, 84, 85, 86)
FLASH_WGMMA_BOTH(176, 88, 89, 90, 91, 92, 93, 94)
FLASH_WGMMA_BOTH(192, 96, 97, 98, 99, 100, 101, 102)
FLASH_WGMMA_BOTH(208, 104, 105, 106, 107, 108, 109, 110)
FLASH_WGMMA_BOTH(224, 112, 113, 114, 115, 116, 117, 118)
FLASH_WGMMA_BOTH(240, 120, 121, 122, 123, 124, 125, 126)
FLASH_WGMMA_BOTH(256, 128, 129, 130, 131, 132, 133, 134)

#undef FLASH_WGMMA_BOTH
#undef FLASH_WGMMA
}  // namespace flash
