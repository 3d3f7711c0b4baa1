// Layouts in global memory that the three steps of the Hopper backward share. Queries are padded to tiles of M.
// Row statistics: [B, Hq, query tiles][2][M], the M log-sum-exps of a tile before its M dots.
#pragma once

namespace flash {

// How the two consumers share dQ [M x D]: by rows if there are 64 for each, else by columns. The accumulator is
// [B, Hq, query tiles][consumer][four registers][thread][4], in the order of the wgmma registers.
template <int D, int M>
struct DqShare {
    static constexpr bool BY_ROWS = M == 128;
    static constexpr int COLUMNS = BY_ROWS ? D : D / 2;
    static constexpr int REGISTERS = COLUMNS / 2;
    static constexpr int BYTES = 64 * COLUMNS * 4;
    static __device__ __forceinline__ int row(int consumer) { return BY_ROWS ? 64 * consumer : 0; }
    static __device__ __forceinline__ int column(int consumer) { return BY_ROWS ? 0 : COLUMNS * consumer; }
};

}  // namespace flash
