// Operands of mma.sync whose elements have one part (16-bit types) or two (fp32, see tile/split.cuh). The products of
// parts are added from the smallest on; low * low is below what the accumulator resolves.
#pragma once

#include "tile/copy.cuh"
#include "tile/mma_sm80.cuh"
#include "tile/split.cuh"

namespace flash {

// A 16x16 block: the A operand of one k-step, or the B operands of two neighbouring accumulators.
template <class Element>
struct Operand {
    unsigned int part[Element::PARTS][4];

    template <int COLUMNS>
    __device__ __forceinline__ void load(const LaneAddress<COLUMNS, Element::PARTS>& lane, int row_step,
                                         int column_step) {
#pragma unroll
        for (int i = 0; i < Element::PARTS; ++i) load_matrix_x4(part[i], lane.at(row_step, column_step, i));
    }

    template <int COLUMNS>
    __device__ __forceinline__ void load_transposed(const LaneAddress<COLUMNS, Element::PARTS>& lane, int row_step,
                                                    int column_step) {
#pragma unroll
        for (int i = 0; i < Element::PARTS; ++i) load_matrix_x4_transposed(part[i], lane.at(row_step, column_step, i));
    }

    // Word i of the block: two neighbouring columns.
    __device__ __forceinline__ void pack(int i, float low, float high) {
        if constexpr (Element::PARTS == 1) {
            part[0][i] = Element::pack(low, high);
        } else {
            split_pair(part[0][i], part[1][i], low, high);
        }
    }

    // Two neighbouring accumulators, times a factor, as the A operand of one k-step.
    __device__ __forceinline__ void pack(const float (&left)[4], const float (&right)[4], float factor = 1.f) {
        pack(0, left[0] * factor, left[1] * factor);
        pack(1, left[2] * factor, left[3] * factor);
        pack(2, right[0] * factor, right[1] * factor);
        pack(3, right[2] * factor, right[3] * factor);
    }

    __device__ __forceinline__ float2 unpack(int i) const {
        using Multiplied = typename Element::Multiplied;
        float2 x = Multiplied::unpack(part[0][i]);
        if constexpr (Element::PARTS == 2) {
            float2 low = Multiplied::unpack(part[1][i]);
            x.x += low.x;
            x.y += low.y;
        }
        return x;
    }
};

// d[row][pair of accumulators] += a[row] * b, or = where `first`.
template <class Element, int ROWS, int COLUMNS>
__device__ __forceinline__ void multiply(float (&d)[ROWS][COLUMNS][4], int pair, const Operand<Element> (&a)[ROWS],
                                         const Operand<Element>& b, bool first = false) {
    using Multiplied = typename Element::Multiplied;
    constexpr int PRODUCTS = Element::PARTS == 1 ? 1 : 3;
#pragma unroll
    for (int product = PRODUCTS - 1; product >= 0; --product) {
        const unsigned int(&right)[4] = b.part[product == 2 ? 1 : 0];
#pragma unroll
        for (int row = 0; row < ROWS; ++row) {
            const unsigned int(&left)[4] = a[row].part[product == 1 ? 1 : 0];
            if (first && product == PRODUCTS - 1) {
                clear(d[row][2 * pair]);
                clear(d[row][2 * pair + 1]);
            }
            Mma<Multiplied>::run(d[row][2 * pair], left, right[0], right[1]);
            Mma<Multiplied>::run(d[row][2 * pair + 1], left, right[2], right[3]);
        }
    }
}

// The same; products of split elements are summed by themselves and added by ordinary additions. Tensor cores truncate
// what they accumulate: over many k-steps that adds up, always towards zero.
template <class Element, int ROWS, int COLUMNS>
__device__ __forceinline__ void multiply_rounded(float (&d)[ROWS][COLUMNS][4], int pair,
                                                 const Operand<Element> (&a)[ROWS], const Operand<Element>& b) {
    if constexpr (Element::PARTS == 1) {
        multiply<Element>(d, pair, a, b);
    } else {
        float sum[ROWS][2][4];
        multiply<Element>(sum, 0, a, b, true);
#pragma unroll
        for (int row = 0; row < ROWS; ++row) {
            add_scaled(d[row][2 * pair], sum[row][0], 1.f);
            add_scaled(d[row][2 * pair + 1], sum[row][1], 1.f);
        }
    }
}

// Byte offset of columns 8 * group + 2 * pair and its neighbour in a tile of finished elements.
template <class Element, int COLUMNS>
__device__ __forceinline__ unsigned int pair_offset(int row, int group, int pair) {
    if constexpr (Element::PARTS == 1) return Swizzle<COLUMNS>::offset(row, group) + pair * 4;
    return Swizzle<COLUMNS * Element::PARTS>::offset(row, group * 2 + pair / 2) + pair % 2 * 8;
}

template <class Element>
__device__ __forceinline__ void store_pair(unsigned int address, float x, float y) {
    if constexpr (Element::PARTS == 1) {
        store_shared(address, Element::pack(x, y));
    } else {
        store_shared_float2(address, x, y);
    }
}

}  // namespace flash
