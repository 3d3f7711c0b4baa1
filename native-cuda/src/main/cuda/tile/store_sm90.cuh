// From wgmma accumulators to rows in global memory, 16 bytes a lane, without shared memory.
#pragma once

namespace flash {

// Transposes 4 x 4 words among the four lanes of a quad: word k becomes lane k's word of this lane's number.
__device__ __forceinline__ void transpose_quad(unsigned int (&x)[4]) {
    bool odd = threadIdx.x & 1, high = threadIdx.x & 2;
#pragma unroll
    for (int i = 0; i < 4; i += 2) {
        unsigned int received = __shfl_xor_sync(0xffffffffu, odd ? x[i] : x[i + 1], 1);
        x[i] = odd ? received : x[i];
        x[i + 1] = odd ? x[i + 1] : received;
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        unsigned int received = __shfl_xor_sync(0xffffffffu, high ? x[i] : x[i + 2], 2);
        x[i] = high ? received : x[i];
        x[i + 2] = high ? x[i + 2] : received;
    }
}

// Writes factor * accumulators of 64 rows x COLUMNS as elements; one warp group. Rows from `valid` on become 0, rows from
// `rows` on and columns from `columns` on are not written; `target` is the first element of the tile.
template <class Element, int COLUMNS>
__device__ __forceinline__ void store_accumulators(const float (&d)[COLUMNS / 2], float factor, char* target,
                                                   long long row_bytes, int valid, int rows, int columns) {
    int warp = threadIdx.x / 32 % 4, g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    int low = warp * 16 + g;
    int row = low + t % 2 * 8;
    target += row * row_bytes + t / 2 * 16;
    bool low_valid = low < valid, high_valid = low + 8 < valid;
#pragma unroll
    for (int step = 0; step < COLUMNS / 16; ++step) {
        unsigned int x[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            unsigned int pair = Element::pack(d[8 * step + 2 * i] * factor, d[8 * step + 2 * i + 1] * factor);
            x[i] = (i % 2 == 0 ? low_valid : high_valid) ? pair : 0u;
        }
        transpose_quad(x);
        if (row < rows && step * 16 + t / 2 * 8 < columns) {
            *reinterpret_cast<uint4*>(target + step * 32) = make_uint4(x[0], x[1], x[2], x[3]);
        }
    }
}

}  // namespace flash
