// Who sees whom: query i of batch row b sees keys j < limit(i); causal rules and key lengths are both such a limit, so
// one comparison serves all of them and tiles below the limit of their first query need none.
#pragma once

#include "attention/params.cuh"

namespace flash {

struct VisibleKeys {
    int length;        // keys in use in this batch row
    int causal_shift;  // limit(i) = min(length, i + causal_shift); large if not causal

    __device__ __forceinline__ VisibleKeys(const Problem& p, int batch) {
        length = p.key_lengths ? min(max(p.key_lengths[batch], 0), p.keys) : p.keys;
        switch (p.visibility) {
            case CAUSAL_BOTTOM_RIGHT: causal_shift = p.keys - p.queries + 1; break;
            case CAUSAL_TOP_LEFT: causal_shift = 1; break;
            case CAUSAL_ROW_LENGTH: causal_shift = length - p.queries + 1; break;
            default: causal_shift = 1 << 30;
        }
    }

    __device__ __forceinline__ VisibleKeys(int keys_in_use, int shift) : length(keys_in_use), causal_shift(shift) {}

    // Number of visible keys, never negative.
    __device__ __forceinline__ int limit(int query) const { return max(0, min(length, query + causal_shift)); }

    // First query that sees key `key`, if any does.
    __device__ __forceinline__ int first_query(int key) const { return max(0, key - causal_shift + 1); }
};

}  // namespace flash
