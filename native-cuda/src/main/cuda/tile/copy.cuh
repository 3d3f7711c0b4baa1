// Moves between global memory, shared memory and registers.
#pragma once

#include "tile/swizzle.cuh"

namespace flash {

__device__ __forceinline__ unsigned int shared_address(const void* p) {
    return static_cast<unsigned int>(__cvta_generic_to_shared(p));
}

// 16 bytes, asynchronous; bytes == 0 writes zeros and reads nothing.
__device__ __forceinline__ void copy_async_16(unsigned int shared, const void* global, int bytes) {
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(shared), "l"(global), "r"(bytes)
                 : "memory");
}

__device__ __forceinline__ void copy_async_8(unsigned int shared, const void* global, int bytes) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(shared), "l"(global), "r"(bytes) : "memory");
}

__device__ __forceinline__ void copy_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

template <int PENDING>
__device__ __forceinline__ void copy_async_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

__device__ __forceinline__ void load_matrix_x4(unsigned int (&r)[4], unsigned int address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
}

__device__ __forceinline__ void load_matrix_x4_transposed(unsigned int (&r)[4], unsigned int address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
}

// 4 bytes, or 0 without reading. Volatile: the compiler does not gather many of them ahead of their uses.
__device__ __forceinline__ unsigned int load_global_if(int condition, const void* address) {
    unsigned int value;
    asm volatile("{ .reg .pred p; setp.ne.s32 p, %2, 0; mov.b32 %0, 0; @p ld.global.b32 %0, [%1]; }"
                 : "=&r"(value)
                 : "l"(address), "r"(condition)
                 : "memory");
    return value;
}

__device__ __forceinline__ void store_shared(unsigned int address, unsigned int value) {
    asm volatile("st.shared.b32 [%0], %1;" ::"r"(address), "r"(value) : "memory");
}

__device__ __forceinline__ void store_shared_float2(unsigned int address, float x, float y) {
    asm volatile("st.shared.v2.f32 [%0], {%1, %2};" ::"r"(address), "f"(x), "f"(y) : "memory");
}

__device__ __forceinline__ void store_shared_16(unsigned int address, uint4 v) {
    asm volatile("st.shared.v4.b32 [%0], {%1,%2,%3,%4};" ::"r"(address), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w)
                 : "memory");
}

__device__ __forceinline__ void store_shared_zero_16(unsigned int address) {
    asm volatile("st.shared.v4.b32 [%0], {%1,%1,%1,%1};" ::"r"(address), "r"(0) : "memory");
}

__device__ __forceinline__ uint4 load_shared_16(unsigned int address) {
    uint4 v;
    asm volatile("ld.shared.v4.b32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "r"(address)
                 : "memory");
    return v;
}

__device__ __forceinline__ float load_shared_float(unsigned int address) {
    float v;
    asm volatile("ld.shared.f32 %0, [%1];" : "=f"(v) : "r"(address) : "memory");
    return v;
}

__device__ __forceinline__ float2 load_shared_float2(unsigned int address) {
    float2 v;
    asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];" : "=f"(v.x), "=f"(v.y) : "r"(address) : "memory");
    return v;
}

__device__ __forceinline__ float4 load_shared_float4(unsigned int address) {
    float4 v;
    asm volatile("ld.shared.v4.f32 {%0,%1,%2,%3}, [%4];"
                 : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w)
                 : "r"(address)
                 : "memory");
    return v;
}

// Adds four neighbouring floats to global memory; nothing waits for the result.
__device__ __forceinline__ void add_global_float4(float* address, float a, float b, float c, float d) {
#if __CUDA_ARCH__ >= 900
    asm volatile("red.global.add.v4.f32 [%0], {%1,%2,%3,%4};" ::"l"(address), "f"(a), "f"(b), "f"(c), "f"(d)
                 : "memory");
#else
    asm volatile("red.global.add.f32 [%0], %1; red.global.add.f32 [%0+4], %2;" ::"l"(address), "f"(a), "f"(b)
                 : "memory");
    asm volatile("red.global.add.f32 [%0+8], %1; red.global.add.f32 [%0+12], %2;" ::"l"(address), "f"(c), "f"(d)
                 : "memory");
#endif
}

// Copies a tile of HEIGHT x COLUMNS elements from strided rows into swizzled shared memory; all THREADS take part.
// Rows at or beyond `valid_rows` and columns at or beyond `valid_columns` are written as zero and not read: what lies
// there may be NaN, and 0 * NaN would spread. An element takes 2 * PARTS bytes; a thread copies whole groups of 8 columns.
template <int HEIGHT, int COLUMNS, int THREADS, int PARTS = 1>
struct TileLoader {
    using Layout = Swizzle<COLUMNS * PARTS>;
    static constexpr int GROUPS = COLUMNS / 8;
    static constexpr int GROUP_BYTES = 16 * PARTS;
    static constexpr int WIDTH = GROUPS % 16 == 0  ? 16
                                 : GROUPS % 8 == 0 ? 8
                                 : GROUPS % 4 == 0 ? 4
                                                   : 2;  // groups of one row that neighbouring threads copy
    static constexpr int PANELS = GROUPS / WIDTH;
    static constexpr int ROW_STEP = THREADS / WIDTH;
    static constexpr int STEPS = (HEIGHT + ROW_STEP - 1) / ROW_STEP;
    static constexpr bool EXACT = HEIGHT % ROW_STEP == 0;

    int thread_row;
    int group;
    unsigned int shared_offset[ROW_STEP % 8 == 0 ? 1 : STEPS];
    int valid_columns;

    __device__ __forceinline__ TileLoader(int thread, int columns)
        : thread_row(thread / WIDTH), group(thread % WIDTH), valid_columns(columns) {
#pragma unroll
        for (int i = 0; i < static_cast<int>(sizeof(shared_offset) / 4); ++i) {
            shared_offset[i] = Layout::offset(thread_row + i * ROW_STEP, group * PARTS);
        }
    }

    __device__ __forceinline__ unsigned int row_offset(int step) const {
        return ROW_STEP % 8 == 0 ? shared_offset[0] + step * ROW_STEP * Layout::PITCH
                                 : shared_offset[ROW_STEP % 8 == 0 ? 0 : step];
    }

    static constexpr int COPIES = STEPS * PANELS;

    // Calls `use` with number and shared address of every group that this thread copies; part 1 lies at that address ^ 16.
    template <class Use>
    __device__ __forceinline__ void each_group(unsigned int tile, Use use) const {
#pragma unroll
        for (int step = 0; step < STEPS; ++step) {
            if (EXACT || thread_row + step * ROW_STEP < HEIGHT) {
#pragma unroll
                for (int panel = 0; panel < PANELS; ++panel) {
                    use(step * PANELS + panel, tile + row_offset(step) + panel * WIDTH * GROUP_BYTES);
                }
            }
        }
    }

    __device__ __forceinline__ void load(unsigned int tile, const char* first_row, long long row_bytes,
                                         int valid_rows) const {
        const char* source = first_row + thread_row * row_bytes + group * GROUP_BYTES;
#pragma unroll
        for (int step = 0; step < STEPS; ++step) {
            int row = thread_row + step * ROW_STEP;
            if (EXACT || row < HEIGHT) {
                unsigned int target = tile + row_offset(step);
#pragma unroll
                for (int panel = 0; panel < PANELS; ++panel) {
                    bool inside = row < valid_rows && (panel * WIDTH + group) * 8 < valid_columns;
#pragma unroll
                    for (int part = 0; part < PARTS; ++part) {
                        copy_async_16((target + panel * WIDTH * GROUP_BYTES) ^ (16 * part),
                                      source + panel * WIDTH * GROUP_BYTES + 16 * part, inside ? 16 : 0);
                    }
                }
            }
            source += ROW_STEP * row_bytes;
        }
    }
};

}  // namespace flash
