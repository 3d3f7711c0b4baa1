// Writes the new token's keys and values into the cache, and turns queries and keys by their position (rotary
// embedding: element i of a head and element i + D/2 are a pair). A block does one head of one row.
#pragma once

#include "step/overlap.cuh"
#include "step/params.cuh"
#include "step/vector.cuh"

namespace flash {

template <class Element>
__device__ __forceinline__ void step_append(const StepAppendParams& p) {
    overlap_next();
    await_previous();
    int queries = p.cosine ? p.heads : 0;  // of which there is something to do
    int heads = queries + 2 * p.kv_heads;
    int row = blockIdx.x / heads;
    int head = blockIdx.x % heads + p.heads - queries;  // among all heads of the row
    int kv_head = head - p.heads;
    bool is_value = kv_head >= p.kv_heads;
    if (is_value) kv_head -= p.kv_heads;
    int position = p.lengths[row] - 1;

    int half = p.head_dim / 2;
    void* source = static_cast<unsigned short*>(p.qkv) +
                   (static_cast<i64>(row) * (p.heads + 2 * p.kv_heads) + head) * p.head_dim;
    void* target = source;
    if (head >= p.heads) {
        i64 piece = p.pages ? p.pages[row * p.pages_per_row + position / p.page_keys] : row;
        i64 place = p.pages ? position % p.page_keys : position;
        target = static_cast<unsigned short*>(is_value ? p.values : p.keys) + piece * p.batch + kv_head * p.head +
                 place * p.row;
    }
    for (int i = threadIdx.x; i < half; i += blockDim.x) {
        float first = Element::load(source, i);
        float second = Element::load(source, i + half);
        if (p.cosine && !is_value) {
            i64 angle = static_cast<i64>(position) * half + i;
            float cosine = Element::load(p.cosine, angle);
            float sine = Element::load(p.sine, angle);
            float turned = first * cosine - second * sine;
            second = second * cosine + first * sine;
            first = turned;
        }
        store<Element>(target, i, first);
        store<Element>(target, i + half, second);
    }
}

}  // namespace flash
