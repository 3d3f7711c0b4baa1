// The warps that compute in the sm_90 decode: each takes 16 keys of every tile and keeps a softmax state of its own.
#pragma once

#include "attention/decode/decode_sm90_merge.cuh"
#include "attention/decode/packed_softmax.cuh"
#include "tile/mma_sm80.cuh"

namespace flash {

template <class Traits>
struct DecodeConsumer {
    using Element = typename Traits::Element;
    static constexpr int D = Traits::D;
    static constexpr int COLUMN_TILES = Traits::PACKED / 8;  // mma n-tiles over packed rows
    static constexpr int STEPS = D / 16;

    const DecodeParams& p;
    char* shared;
    unsigned int base;
    int warp, lane, group;
    float scale_log2;
    unsigned int count = 0;  // tiles so far, of K and of V

    unsigned int k_offset[STEPS], v_offset[STEPS];  // of this lane's rows for ldmatrix, in a tile

    unsigned int q[COLUMN_TILES][STEPS][2];  // B operand
    float o[STEPS][COLUMN_TILES][4];         // O^T: rows are head_dim, columns packed rows
    float maximum[COLUMN_TILES][2];          // of packed rows 8 * tile + 2t and 2t + 1
    float sum[COLUMN_TILES][2];              // of this lane's keys

    __device__ __forceinline__ DecodeConsumer(const DecodeParams& params, char* shared_memory)
        : p(params), shared(shared_memory), base(shared_address(shared_memory)) {
        warp = uniform(threadIdx.x / 32);
        lane = threadIdx.x % 32;
        group = p.problem.heads / p.problem.kv_heads;
        scale_log2 = p.problem.scale * LOG2_E;
#pragma unroll
        for (int step = 0; step < STEPS; ++step) {
            k_offset[step] = Traits::offset(warp * 16 + lane % 16, 2 * step + lane / 16);
            v_offset[step] = Traits::offset(warp * 16 + lane % 8 + lane / 16 * 8, 2 * step + lane / 8 % 2);
        }
    }

    __device__ __forceinline__ void run(DecodeWork<Traits>& work, DecodeMerge<Traits>& merge) {
        DecodeSegment segment, following;
        bool more = work.next(segment);
        if (more) load_q(segment);
        while (more) {
            bool cut = segment.last_range > segment.first_range;
            Ticket ticket(cut && threadIdx.x == 0 ? merge.ticket_word(segment) : nullptr);
            bool another = work.next(following);
            attend(segment);
            if (another) load_q(following);
            merge.barrier();  // the sums of the segment before have been read
            leave_sums(merge);
            merge.finish(segment, ticket);
            segment = following;
            more = another;
        }
    }

    // Packed row r of a row block is query r / group of head kv_head * group + r % group.
    __device__ __forceinline__ int query_of(const DecodeSegment& segment, int row) const {
        return (segment.row_block * Traits::PACKED + row) / group;
    }

    __device__ __forceinline__ void load_q(const DecodeSegment& segment) {
#pragma unroll
        for (int n = 0; n < COLUMN_TILES; ++n) {
            int packed = segment.row_block * Traits::PACKED + n * 8 + lane / 4;
            bool inside = packed < p.problem.queries * group;
            int head = segment.kv_head * group + packed % group, query = packed / group;
            const char* source = static_cast<const char*>(p.q.data);
            if (inside) source += (segment.batch * p.q.batch + head * p.q.head + query * p.q.row) * 2;
#pragma unroll
            for (int step = 0; step < STEPS; ++step) {
#pragma unroll
                for (int half = 0; half < 2; ++half) {
                    int column = step * 16 + half * 8 + lane % 4 * 2;
                    q[n][step][half] = load_global_if(inside && column < p.problem.head_dim, source + column * 2);
                }
            }
        }
    }

    __device__ __forceinline__ void attend(const DecodeSegment& segment) {
#pragma unroll
        for (int n = 0; n < COLUMN_TILES; ++n) {
#pragma unroll
            for (int j = 0; j < 2; ++j) {
                maximum[n][j] = negative_infinity();
                sum[n][j] = 0.f;
            }
#pragma unroll
            for (int d = 0; d < STEPS; ++d) o[d][n][0] = o[d][n][1] = o[d][n][2] = o[d][n][3] = 0.f;
        }
        VisibleKeys visible(segment.length, segment.causal_shift);
        int all_visible = visible.limit(query_of(segment, 0));
#pragma unroll 1
        for (int i = 0; i < segment.tiles; ++i) {
            int key0 = (segment.first_tile + i * Traits::BLOCKS) * Traits::KEYS + warp * 16;
            bool masked = key0 + 16 > all_visible || key0 < segment.first_key;
            float s[COLUMN_TILES][4];
            scores(s, take());
            give_back();
            if (masked) mask(s, segment, visible, key0);
            packed_softmax(s, o, maximum, sum);
            unsigned int v_tile = take();
            if (masked) clear_unused(v_tile, segment.first_key - key0, segment.length - key0);
            accumulate(s, v_tile);
            give_back();
        }
    }

    // Waits for the next tile; its address.
    __device__ __forceinline__ unsigned int take() const {
        unsigned int slot = count % Traits::SLOTS;
        barrier_wait(base + Traits::FULL + 8 * slot, count / Traits::SLOTS % 2);
        return base + Traits::RING + slot * Traits::TILE_BYTES;
    }

    __device__ __forceinline__ void give_back() {
        __syncwarp();
        if (lane == 0) barrier_arrive(base + Traits::EMPTY + 8 * (count % Traits::SLOTS));
        ++count;
    }

    __device__ __forceinline__ void scores(float (&s)[COLUMN_TILES][4], unsigned int k_tile) const {
        float odd[COLUMN_TILES][4];  // a sum of its own for every other step: half as long a chain
        clear(s);
        clear(odd);
        unsigned int a[STEPS][4];
#pragma unroll
        for (int step = 0; step < STEPS; ++step) load_matrix_x4(a[step], k_tile + k_offset[step]);
#pragma unroll
        for (int step = 0; step < STEPS; ++step) {
#pragma unroll
            for (int n = 0; n < COLUMN_TILES; ++n) {
                Mma<Element>::run(step % 2 ? odd[n] : s[n], a[step], q[n][step][0], q[n][step][1]);
            }
        }
#pragma unroll
        for (int n = 0; n < COLUMN_TILES; ++n) {
#pragma unroll
            for (int i = 0; i < 4; ++i) s[n][i] = (s[n][i] + odd[n][i]) * scale_log2;
        }
    }

    __device__ __forceinline__ void mask(float (&s)[COLUMN_TILES][4], const DecodeSegment& segment,
                                         const VisibleKeys& visible, int key0) const {
#pragma unroll
        for (int n = 0; n < COLUMN_TILES; ++n) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                int key = key0 + lane / 4 + i / 2 * 8;
                int limit = visible.limit(query_of(segment, n * 8 + lane % 4 * 2 + i % 2));
                if (key >= limit || key < segment.first_key) s[n][i] = negative_infinity();
            }
        }
    }

    // Rows of V outside [first, end) may be anything, and 0 * NaN would spread.
    __device__ __forceinline__ void clear_unused(unsigned int v_tile, int first, int end) const {
        for (int i = lane; i < 16 * (D / 8); i += 32) {
            int row = i / (D / 8);
            if (row < first || row >= end) store_shared_zero_16(v_tile + Traits::offset(warp * 16 + row, i % (D / 8)));
        }
        async_fence();  // before a copy overwrites the slot
        __syncwarp();
    }

    __device__ __forceinline__ void accumulate(const float (&s)[COLUMN_TILES][4], unsigned int v_tile) {
        unsigned int b[COLUMN_TILES][2];
#pragma unroll
        for (int n = 0; n < COLUMN_TILES; ++n) {
            b[n][0] = transpose_8x8(Element::pack(s[n][0], s[n][1]));
            b[n][1] = transpose_8x8(Element::pack(s[n][2], s[n][3]));
        }
#pragma unroll
        for (int d = 0; d < STEPS; ++d) {
            unsigned int a[4];
            load_matrix_x4_transposed(a, v_tile + v_offset[d]);
#pragma unroll
            for (int n = 0; n < COLUMN_TILES; ++n) Mma<Element>::run(o[d][n], a, b[n][0], b[n][1]);
        }
    }

    __device__ __forceinline__ void leave_sums(const DecodeMerge<Traits>& merge) {
        float* sums = merge.sums();
        float2* states = merge.states();
#pragma unroll
        for (int n = 0; n < COLUMN_TILES; ++n) {
#pragma unroll
            for (int j = 0; j < 2; ++j) {
                int row = warp * Traits::PACKED + n * 8 + lane % 4 * 2 + j;
#pragma unroll
                for (int distance = 4; distance < 32; distance *= 2) {
                    sum[n][j] += __shfl_xor_sync(0xffffffffu, sum[n][j], distance);
                }
                if (lane < 4) states[row] = make_float2(maximum[n][j], sum[n][j]);
#pragma unroll
                for (int d = 0; d < STEPS; ++d) {
                    sums[row * Traits::PITCH + d * 16 + lane / 4] = o[d][n][j];
                    sums[row * Traits::PITCH + d * 16 + lane / 4 + 8] = o[d][n][j + 2];
                }
            }
        }
    }
};

}  // namespace flash
