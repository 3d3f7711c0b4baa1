// From the warps' partial sums of a segment to the output, in the sm_90 decode: the warps of a block, the blocks of the
// cluster and the ranges that share the group are merged in their fixed order, so the result does not depend on timing.
#pragma once

#include "attention/decode/ticket.cuh"
#include "attention/decode/work_sm90.cuh"
#include "attention/softmax_state.cuh"
#include "tile/cluster_sm90.cuh"
#include "tile/math.cuh"

namespace flash {

// Part of a row: sum of weight * V over some keys for four columns, weights relative to 2^maximum, and their sum.
struct PartialSum {
    float4 values;
    float maximum;
    float sum;
};

// Merges partial sums 0 to count - 1, which `state` and `values` fetch: AT_ONCE of them are on their way together.
template <int AT_ONCE, class State, class Values>
__device__ __forceinline__ PartialSum merge_partial_sums(int count, State state, Values values) {
    PartialSum merged = {make_float4(0.f, 0.f, 0.f, 0.f), negative_infinity(), 0.f};
    for (int first = 0; first < count; first += AT_ONCE) {
        float2 states[AT_ONCE];
        float4 x[AT_ONCE];
        float top = merged.maximum;
#pragma unroll
        for (int i = 0; i < AT_ONCE; ++i) {
            states[i] = first + i < count ? state(first + i) : make_float2(negative_infinity(), 0.f);
            x[i] = first + i < count ? values(first + i) : make_float4(0.f, 0.f, 0.f, 0.f);
        }
#pragma unroll
        for (int i = 0; i < AT_ONCE; ++i) top = fmaxf(top, states[i].x);
        float reference = top == negative_infinity() ? 0.f : top;
        float factor = exp2_fast(merged.maximum - reference);
        merged.maximum = top;
        merged.sum *= factor;
        merged.values = make_float4(merged.values.x * factor, merged.values.y * factor, merged.values.z * factor,
                                    merged.values.w * factor);
#pragma unroll
        for (int i = 0; i < AT_ONCE; ++i) {
            float weight = exp2_fast(states[i].x - reference);
            merged.sum += weight * states[i].y;
            merged.values.x += weight * x[i].x;
            merged.values.y += weight * x[i].y;
            merged.values.z += weight * x[i].z;
            merged.values.w += weight * x[i].w;
        }
    }
    return merged;
}

template <class Traits>
struct DecodeMerge {
    const DecodeParams& p;
    char* shared;
    unsigned int base;
    int thread;
    int range, rank;
    unsigned int count = 0;  // segments that went through the inbox

    __device__ __forceinline__ DecodeMerge(const DecodeParams& params, char* shared_memory, int range_index, int cluster_rank)
        : p(params),
          shared(shared_memory),
          base(shared_address(shared_memory)),
          thread(threadIdx.x),
          range(range_index),
          rank(cluster_rank) {}

    __device__ __forceinline__ float* sums() const { return reinterpret_cast<float*>(shared + Traits::SUMS); }
    __device__ __forceinline__ float2* states() const { return reinterpret_cast<float2*>(shared + Traits::STATES); }

    static __device__ __forceinline__ void barrier() { named_barrier_sync(Traits::COMPUTE, 32 * Traits::WORKERS); }

    __device__ __forceinline__ u64* ticket_word(const DecodeSegment& segment) const {
        return p.tickets + segment.first_range * Traits::BLOCKS + rank;
    }

    // After the warps have left sums and states in shared memory.
    __device__ __forceinline__ void finish(const DecodeSegment& segment, const Ticket& ticket) {
        barrier();
        for (int item = thread; item < Traits::PACKED * Traits::LANES; item += 32 * Traits::WORKERS) {
            int row = item / Traits::LANES, column = item % Traits::LANES * 4;
            PartialSum x = merge_partial_sums<Traits::WORKERS>(
                Traits::WORKERS, [&](int w) { return states()[w * Traits::PACKED + row]; },
                [&](int w) {
                    return *reinterpret_cast<const float4*>(sums() + (w * Traits::PACKED + row) * Traits::PITCH + column);
                });
            if (Traits::BLOCKS == 1) {
                deliver(segment, row, column, x);
            } else {
                send(row, column, x);
            }
        }
        if (Traits::BLOCKS > 1) receive(segment);
        if (segment.last_range > segment.first_range) merge_ranges(segment, ticket);
    }

    // To the block of the cluster that finishes the row. The inbox is used in turn: who sends for the next segment but
    // one has received for the next one, so everybody has read this one.
    __device__ __forceinline__ void send(int row, int column, const PartialSum& x) const {
        int target = row / Traits::OWN_ROWS, own = rank * Traits::OWN_ROWS + row % Traits::OWN_ROWS;
        unsigned int turn = count % 2;
        unsigned int full = cluster_address(base + Traits::INBOX_FULL + 8 * turn, target);
        unsigned int inbox = base + Traits::INBOX_SUMS + turn * Traits::INBOX_BYTES + (own * Traits::D + column) * 4;
        cluster_store(cluster_address(inbox, target), full, x.values);
        if (column == 0) {
            unsigned int state = base + Traits::INBOX_STATES + turn * Traits::INBOX_STATE_BYTES + own * 8;
            cluster_store(cluster_address(state, target), full, make_float2(x.maximum, x.sum));
        }
    }

    __device__ __forceinline__ void receive(const DecodeSegment& segment) {
        unsigned int turn = count % 2;
        unsigned int full = base + Traits::INBOX_FULL + 8 * turn;
        if (thread == 0) barrier_arrive_expect(full, Traits::INBOX_BYTES + Traits::INBOX_STATE_BYTES);
        barrier_wait(full, count / 2 % 2);
        ++count;
        const float* inbox = reinterpret_cast<const float*>(shared + Traits::INBOX_SUMS + turn * Traits::INBOX_BYTES);
        const float2* inbox_states =
            reinterpret_cast<const float2*>(shared + Traits::INBOX_STATES + turn * Traits::INBOX_STATE_BYTES);
        for (int item = thread; item < Traits::OWN_ROWS * Traits::LANES; item += 32 * Traits::WORKERS) {
            int row = item / Traits::LANES, column = item % Traits::LANES * 4;
            PartialSum x = merge_partial_sums<Traits::BLOCKS>(
                Traits::BLOCKS, [&](int b) { return inbox_states[b * Traits::OWN_ROWS + row]; },
                [&](int b) {
                    return *reinterpret_cast<const float4*>(inbox + (b * Traits::OWN_ROWS + row) * Traits::D + column);
                });
            deliver(segment, rank * Traits::OWN_ROWS + row, column, x);
        }
    }

    // To the output if the range holds the whole group, else to memory.
    __device__ __forceinline__ void deliver(const DecodeSegment& segment, int row, int column, const PartialSum& x) const {
        if (segment.first_range == segment.last_range) {
            write(segment, row, column, x);
            return;
        }
        i64 index = slot(segment, range) * Traits::PACKED + row;
        __stcg(reinterpret_cast<float4*>(p.partial_sums + index * Traits::D + column), x.values);
        if (column == 0) __stcg(reinterpret_cast<float2*>(p.partial_states) + index, make_float2(x.maximum, x.sum));
    }

    // A range holds the end of one group that began before it, and the beginning of another.
    static __device__ __forceinline__ i64 slot(const DecodeSegment& segment, int of_range) {
        return 2 * static_cast<i64>(of_range) + (of_range == segment.first_range ? 1 : 0);
    }

    __device__ __forceinline__ void merge_ranges(const DecodeSegment& segment, const Ticket& ticket) const {
        int ranges = segment.last_range - segment.first_range + 1;
        int* last = reinterpret_cast<int*>(shared + Traits::LAST);
        barrier();
        if (thread == 0) *last = ticket.draw_last(ranges);
        barrier();
        if (!*last) return;
        constexpr int ITEMS = Traits::OWN_ROWS * Traits::LANES;
        constexpr int SHARES = 32 * Traits::WORKERS / ITEMS > 1 ? 32 * Traits::WORKERS / ITEMS : 1;  // of the parts, one a thread
        float4* share_values = reinterpret_cast<float4*>(sums());
        for (int work = thread; work < SHARES * ITEMS; work += 32 * Traits::WORKERS) {
            int share = work / ITEMS, item = work % ITEMS;
            int row = rank * Traits::OWN_ROWS + item / Traits::LANES, column = item % Traits::LANES * 4;
            auto index = [&](int i) {
                return slot(segment, segment.first_range + i * SHARES + share) * Traits::PACKED + row;
            };
            PartialSum x = merge_partial_sums<8>(
                tiles(ranges - share, SHARES),
                [&](int i) { return __ldcg(reinterpret_cast<const float2*>(p.partial_states) + index(i)); },
                [&](int i) { return __ldcg(reinterpret_cast<const float4*>(p.partial_sums + index(i) * Traits::D + column)); });
            if (SHARES == 1) {
                write(segment, row, column, x);
            } else {
                share_values[work] = x.values;
                share_values[SHARES * ITEMS + work] = make_float4(x.maximum, x.sum, 0.f, 0.f);
            }
        }
        if (SHARES == 1) return;
        barrier();
        for (int item = thread; item < ITEMS; item += 32 * Traits::WORKERS) {
            int row = rank * Traits::OWN_ROWS + item / Traits::LANES, column = item % Traits::LANES * 4;
            PartialSum x = merge_partial_sums<SHARES>(
                SHARES,
                [&](int i) {
                    float4 s = share_values[(SHARES + i) * ITEMS + item];
                    return make_float2(s.x, s.y);
                },
                [&](int i) { return share_values[i * ITEMS + item]; });
            write(segment, row, column, x);
        }
    }

    __device__ __forceinline__ void write(const DecodeSegment& segment, int row, int column, const PartialSum& x) const {
        const Problem& problem = p.problem;
        int group = problem.heads / problem.kv_heads;
        int packed = segment.row_block * Traits::PACKED + row;
        if (packed >= problem.queries * group || column >= problem.head_dim) return;
        int head = segment.kv_head * group + packed % group, query = packed / group;
        float inverse = x.sum == 0.f ? 0.f : reciprocal_fast(x.sum);
        char* target = static_cast<char*>(p.o.data) + (segment.batch * p.o.batch + head * p.o.head + query * p.o.row + column) * 2;
        *reinterpret_cast<uint2*>(target) = make_uint2(Traits::Element::pack(x.values.x * inverse, x.values.y * inverse),
                                                       Traits::Element::pack(x.values.z * inverse, x.values.w * inverse));
        if (p.lse && column == 0) {
            float reference = x.maximum == negative_infinity() ? 0.f : x.maximum;
            p.lse[(static_cast<i64>(segment.batch) * problem.heads + head) * problem.queries + query] =
                log_sum_exp_2(reference, x.sum) * LN_2;
        }
    }
};

}  // namespace flash
