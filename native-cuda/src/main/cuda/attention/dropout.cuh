// The dropout mask as a pure function of (seed, offset, batch * Hq + head, query, key): Philox-4x32-10. One call gives
// eight 16-bit numbers for queries {a, a+8} x keys {b, b+1, b+8, b+9} of a 16x16 block (a < 8, b even < 8): what one
// lane holds of an mma accumulator with queries as rows. With keys as rows two lanes share the calls (backward).
#pragma once

#include "attention/params.cuh"
#include "tile/math.cuh"

namespace flash {

__device__ __forceinline__ uint4 philox_4x32_10(uint4 counter, uint2 key) {
#pragma unroll
    for (int round = 0; round < 10; ++round) {
        u64 product0 = static_cast<u64>(counter.x) * 0xD2511F53u;
        u64 product1 = static_cast<u64>(counter.z) * 0xCD9E8D57u;
        counter = make_uint4(static_cast<u32>(product1 >> 32) ^ counter.y ^ key.x, static_cast<u32>(product1),
                             static_cast<u32>(product0 >> 32) ^ counter.w ^ key.y, static_cast<u32>(product0));
        key.x += 0x9E3779B9u;
        key.y += 0xBB67AE85u;
    }
    return counter;
}

struct DropoutMask {
    uint2 key;
    u32 offset_low;
    u32 head_index;
    u32 threshold;

    __device__ __forceinline__ DropoutMask(const Problem& p, int batch, int head) {
        u64 seed = p.rng_state ? p.rng_state[0] : p.seed;
        u64 offset = p.rng_state ? p.rng_state[1] : p.offset;
        // Pinned: the ten round keys would otherwise be kept in registers through the whole main loop.
        key.x = pinned(static_cast<u32>(seed));
        key.y = pinned(static_cast<u32>(seed >> 32) ^ static_cast<u32>(offset >> 32));
        offset_low = static_cast<u32>(offset);
        head_index = static_cast<u32>(batch * p.heads + head);
        threshold = p.keep_threshold;
    }

    // Words x: (a; b, b+1), y: (a; b+8, b+9), z: (a+8; b, b+1), w: (a+8; b+8, b+9); the lower half is the lower key.
    __device__ __forceinline__ uint4 patch(int query, int key_column) const {
        u32 row = (query >> 4) * 8 + (query & 7);
        u32 column = (key_column >> 4) * 4 + ((key_column & 7) >> 1);
        return philox_4x32_10(make_uint4(row, column, head_index, offset_low), key);
    }

    __device__ __forceinline__ bool keeps_low(u32 word) const { return (word & 0xffffu) < threshold; }
    __device__ __forceinline__ bool keeps_high(u32 word) const { return (word >> 16) < threshold; }

    __device__ __forceinline__ bool keeps(int query, int key_column) const {
        uint4 words = patch(query, key_column);
        bool lower_query = (query & 8) == 0;
        bool lower_key = (key_column & 8) == 0;
        u32 word = lower_query ? (lower_key ? words.x : words.y) : (lower_key ? words.z : words.w);
        return (key_column & 1) == 0 ? keeps_low(word) : keeps_high(word);
    }
};

}  // namespace flash
