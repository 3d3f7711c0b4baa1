// Floats on 16-bit tensor cores at the accuracy of floats. A tile is multiplied by a power of two that brings its
// largest element to 2^14 .. 2^15, then every element x becomes high = fp16(x) and low = fp16(x - high): 22 bits, or
// 2^-39 of the largest element. Three products of parts stand for one product. fp16 rather than tf32, because it runs at
// twice the rate and its tiles can be read transposed.
//
// The split is done in place, each thread on the groups of 8 columns that it copied: 32 bytes of floats become 16 bytes
// of high and 16 bytes of low parts.
#pragma once

#include "tile/copy.cuh"
#include "tile/element.cuh"
#include "tile/math.cuh"

namespace flash {

// The power of two for a tile whose largest element is `largest`, and its inverse; both are normal numbers.
struct SplitScale {
    float factor;
    float unit;

    __device__ __forceinline__ explicit SplitScale(float largest) {
        unsigned int exponent = max(__float_as_uint(largest) >> 23, 15u);
        factor = __uint_as_float((268 - exponent) << 23);
        unit = __uint_as_float((exponent - 14) << 23);
    }
};

// What scores are multiplied by, from the scales of both tiles: not 0, however small these are, as a hidden score is -inf
// and 0 * -inf NaN.
template <class Element>
__device__ __forceinline__ float score_scale(float scale, float unit) {
    return Element::PARTS == 1 ? scale : fmaxf(scale * unit, SMALLEST_FLOAT);
}

// Largest of the numbers >= 0 that the lanes of a warp hold.
__device__ __forceinline__ float warp_max(float x) {
    unsigned int bits;  // of numbers >= 0: in the order of the numbers
    asm volatile("redux.sync.max.u32 %0, %1, 0xffffffff;" : "=r"(bits) : "r"(__float_as_uint(x)));
    return __uint_as_float(bits);
}

// Largest over a block: every warp puts its own, and after a barrier every thread gets the largest of them.
template <int WARPS_>
struct BlockMax {
    static constexpr int BYTES = 4 * WARPS_;

    static __device__ __forceinline__ void put(unsigned int slots, float x) {
        float largest = warp_max(x);
        if (threadIdx.x % 32 == 0) store_shared(slots + threadIdx.x / 32 * 4, __float_as_uint(largest));
    }

    static __device__ __forceinline__ float get(unsigned int slots) {
        float largest = 0.f;
#pragma unroll
        for (int i = 0; i < WARPS_; i += 4) {
            float4 x = load_shared_float4(slots + i * 4);
            largest = fmaxf(largest, fmaxf(fmaxf(x.x, x.y), fmaxf(x.z, x.w)));
        }
        return largest;
    }
};

__device__ __forceinline__ void split_pair(unsigned int& high, unsigned int& low, float x, float y) {
    high = fp16::pack(x, y);
    float2 packed = fp16::unpack(high);
    low = fp16::pack(x - packed.x, y - packed.y);
}

// A tile whose copies by this thread have landed, on its way from elements to parts: the constructor measures it, before
// a barrier of the block; split() follows the barrier and returns the tile's scale. Nothing to do for 16-bit elements.
template <class Element, class Loader, int WARPS_>
struct TileSplit {
    __device__ __forceinline__ TileSplit(const Loader&, unsigned int, unsigned int) {}
    __device__ __forceinline__ float split() const { return 1.f; }
};

template <class Loader, int WARPS_>
struct TileSplit<fp32, Loader, WARPS_> {
    const Loader& loader;
    unsigned int tile, slots;
    float4 x[Loader::COPIES][2];  // kept from one to the other: reading again costs more

    __device__ __forceinline__ TileSplit(const Loader& tile_loader, unsigned int tile_address, unsigned int max_slots)
        : loader(tile_loader), tile(tile_address), slots(max_slots) {
        loader.each_group(tile, [&](int i, unsigned int group) {
            x[i][0] = load_shared_float4(group);
            x[i][1] = load_shared_float4(group ^ 16);
        });
        float largest = reduce([](float y) { return fabsf(y); });
        if (largest == positive_infinity()) {  // infinite elements must not wipe out the others of their tile
            largest = reduce([](float y) { return fabsf(y) < positive_infinity() ? fabsf(y) : 0.f; });
        }
        BlockMax<WARPS_>::put(slots, largest);
    }

    __device__ __forceinline__ float split() const {
        SplitScale scale(BlockMax<WARPS_>::get(slots));
        loader.each_group(tile, [&](int i, unsigned int group) {
            const float4 &a = x[i][0], &b = x[i][1];
            float factor = scale.factor;
            uint4 high, low;
            split_pair(high.x, low.x, a.x * factor, a.y * factor);
            split_pair(high.y, low.y, a.z * factor, a.w * factor);
            split_pair(high.z, low.z, b.x * factor, b.y * factor);
            split_pair(high.w, low.w, b.z * factor, b.w * factor);
            store_shared_16(group, high);
            store_shared_16(group ^ 16, low);
        });
        return scale.unit;
    }

    // Largest size of what this thread holds; fmaxf leaves NaN out.
    template <class Size>
    __device__ __forceinline__ float reduce(Size size) const {
        float largest = 0.f;
        loader.each_group(tile, [&](int i, unsigned int) {
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const float4& y = x[i][half];
                largest = fmaxf(largest, fmaxf(fmaxf(size(y.x), size(y.y)), fmaxf(size(y.z), size(y.w))));
            }
        });
        return largest;
    }
};

}  // namespace flash
