// Shared-memory tiles of 16-bit elements without bank conflicts: the 16-byte chunks of a row are permuted by XOR with
// bits of the row number, so that the 8 rows one ldmatrix phase reads at the same chunk lie in 8 different bank groups.
// The period in rows is 8 whatever the row width, so a lane's XOR term is constant while rows advance by 8 or 16.
#pragma once

namespace flash {

template <int COLUMNS>
struct Swizzle {
    static_assert(COLUMNS % 16 == 0, "a row is a whole number of mma k-steps");
    static constexpr int CHUNKS = COLUMNS / 8;
    static constexpr int PITCH = COLUMNS * 2;  // bytes
    static constexpr int MASK = CHUNKS % 8 == 0 ? 7 : CHUNKS % 4 == 0 ? 3 : 1;
    static constexpr int SHIFT = CHUNKS % 8 == 0 ? 0 : CHUNKS % 4 == 0 ? 1 : 2;
    static constexpr int GROUP = MASK + 1;  // chunks the XOR stays within

    static __device__ __forceinline__ unsigned int term(int row) { return (row >> SHIFT) & MASK; }

    static __device__ __forceinline__ unsigned int offset(int row, int chunk) {
        return row * PITCH + ((chunk ^ term(row)) << 4);
    }
};

// Byte address of one lane in an ldmatrix of a swizzled tile: row and the low chunk bits belong to the lane; whole
// 16-row and 16-column steps are compile-time numbers. An element of PARTS parts has, of every 8 columns, one chunk a part.
template <int COLUMNS, int PARTS = 1>
struct LaneAddress {
    using Layout = Swizzle<COLUMNS * PARTS>;
    unsigned int row_base;
    unsigned int chunk_xor;

    __device__ __forceinline__ LaneAddress(unsigned int tile, int row, int chunk)
        : row_base(tile + row * Layout::PITCH), chunk_xor((Layout::term(row) ^ (chunk * PARTS)) << 4) {}

    // Keeps the compiler from computing the addresses below ahead of a loop, where they would occupy registers throughout.
    __device__ __forceinline__ void pin() { asm volatile("" : "+r"(row_base), "+r"(chunk_xor)); }

    // 16 * row_step rows and 16 * column_step elements from the origin.
    __device__ __forceinline__ unsigned int at(int row_step, int column_step, int part = 0) const {
        constexpr int STEPS = Layout::GROUP / 2 / PARTS;
        unsigned int inside = (32u * PARTS * (column_step % STEPS) + 16u * part) ^ chunk_xor;
        return row_base + inside + (32 * PARTS * STEPS * (column_step / STEPS) + 16 * row_step * Layout::PITCH);
    }
};

}  // namespace flash
