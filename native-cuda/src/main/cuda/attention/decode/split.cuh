// Split-KV decode: a few new tokens (T small) against a long cache.
//
// All T * Hq / Hkv query rows that share a key head are packed into the N side of the mma: S^T[16 keys x 8 rows] =
// K Q^T, O^T[D x 8 rows] += V^T P^T. K and V, the only large operands, are then read once, as the A operand; the row
// statistics live in the lanes that hold the accumulators. Each warp streams its own blocks of 16 keys through a private
// ring of STAGES cp.async stages, with its own softmax state: no barrier until the warps merge at the end.
// Bound by device memory: what counts is bytes in flight (STAGES - 1 stages of WARPS * 64 * D bytes a block).
#pragma once

#include "attention/decode/packed_softmax.cuh"
#include "attention/params.cuh"
#include "attention/visibility.cuh"
#include "tile/copy.cuh"
#include "tile/math.cuh"
#include "tile/mma_sm80.cuh"

namespace flash {

template <class Element, int D, int PACKED_, int WARPS_, int STAGES_>
struct DecodeSplit {
    static constexpr int PACKED = PACKED_;
    static constexpr int TILES = PACKED / 8;          // mma n-tiles over packed rows
    static constexpr int STEPS = D / 16;
    static constexpr int KEYS = 16;                 // keys of one warp's block
    static constexpr int UNIT = KEYS * WARPS_;      // keys of one block-wide step: splits are cut at multiples of it
    static constexpr int TILE_BYTES = KEYS * D * 2;
    static constexpr int STAGE_BYTES = 2 * TILE_BYTES;
    static constexpr int MERGE_PITCH = D + 4;       // floats; avoids bank conflicts, keeps rows 16-byte aligned

    const DecodeSplitParams& p;
    VisibleKeys visible;
    int batch, kv_head, group, first_row, rows_left, split, warp, lane;
    int first_key;  // those before it are hidden
    char* shared;
    unsigned int ring;
    float scale_log2;

    unsigned int q[TILES][STEPS][2];  // B operand, loaded once
    float o[STEPS][TILES][4];         // O^T: rows are head_dim, columns packed rows
    float maximum[TILES][2];          // of packed rows 8 * tile + 2t and 2t + 1
    float sum[TILES][2];              // of this lane's keys

    __device__ __forceinline__ DecodeSplit(const DecodeSplitParams& params, char* shared_memory, int b, int hk,
                                           int row_block, int s)
        : p(params), visible(params.problem, b), batch(b), kv_head(hk), split(s), shared(shared_memory) {
        warp = threadIdx.x / 32;
        lane = threadIdx.x % 32;
        group = p.problem.heads / p.problem.kv_heads;
        first_row = row_block * PACKED;
        rows_left = min(PACKED, p.problem.queries * group - first_row);
        ring = shared_address(shared) + warp * STAGES_ * STAGE_BYTES;
        scale_log2 = p.problem.scale * LOG2_E;
        first_key = p.cache.first_keys ? max(p.cache.first_keys[batch], 0) : 0;
    }

    // Packed row r is query r / group of head kv_head * group + r % group.
    __device__ __forceinline__ int query_of(int row) const { return (first_row + row) / group; }
    __device__ __forceinline__ int head_of(int row) const { return kv_head * group + (first_row + row) % group; }
    __device__ __forceinline__ i64 state_index(int row) const {
        return (static_cast<i64>(batch) * p.problem.heads + head_of(row)) * p.problem.queries + query_of(row);
    }

    __device__ __forceinline__ void load_q() {
#pragma unroll
        for (int n = 0; n < TILES; ++n) {
            int row = n * 8 + lane / 4;
            bool inside = row < rows_left;
            const char* source = static_cast<const char*>(p.q.data);
            if (inside) source += (batch * p.q.batch + head_of(row) * p.q.head + query_of(row) * p.q.row) * 2;
#pragma unroll
            for (int step = 0; step < STEPS; ++step) {
#pragma unroll
                for (int half = 0; half < 2; ++half) {
                    int column = step * 16 + half * 8 + lane % 4 * 2;
                    q[n][step][half] = inside && column < p.problem.head_dim
                                           ? *reinterpret_cast<const unsigned int*>(source + column * 2)
                                           : 0u;
                }
            }
        }
    }

    // S^T of 16 keys, scaled, -inf where a row does not see a key.
    __device__ __forceinline__ void scores(float (&s)[TILES][4], unsigned int k_tile, int key0, bool masked) const {
        clear(s);
        LaneAddress<D> k_lane(k_tile, lane % 16, lane / 16);
#pragma unroll
        for (int step = 0; step < STEPS; ++step) {
            unsigned int a[4];
            load_matrix_x4(a, k_lane.at(0, step));
#pragma unroll
            for (int n = 0; n < TILES; ++n) Mma<Element>::run(s[n], a, q[n][step][0], q[n][step][1]);
        }
#pragma unroll
        for (int n = 0; n < TILES; ++n) {
#pragma unroll
            for (int i = 0; i < 4; ++i) s[n][i] *= scale_log2;
            if (masked) {
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    int limit = visible.limit(query_of(n * 8 + lane % 4 * 2 + i % 2));
                    int key = key0 + lane / 4 + i / 2 * 8;
                    if (key >= limit || key < first_key) s[n][i] = negative_infinity();
                }
            }
        }
    }

    __device__ __forceinline__ void accumulate(const float (&s)[TILES][4], unsigned int v_tile) {
        LaneAddress<D> v_lane(v_tile, lane % 8 + lane / 16 * 8, lane / 8 % 2);
        unsigned int b[TILES][2];
#pragma unroll
        for (int n = 0; n < TILES; ++n) {
            b[n][0] = transpose_8x8(Element::pack(s[n][0], s[n][1]));
            b[n][1] = transpose_8x8(Element::pack(s[n][2], s[n][3]));
        }
#pragma unroll
        for (int d = 0; d < STEPS; ++d) {
            unsigned int a[4];
            load_matrix_x4_transposed(a, v_lane.at(0, d));
#pragma unroll
            for (int n = 0; n < TILES; ++n) Mma<Element>::run(o[d][n], a, b[n][0], b[n][1]);
        }
    }

    // Hidden rows of V may be anything, and 0 * NaN would spread.
    __device__ __forceinline__ void clear_hidden(unsigned int v_tile, int rows) const {
        for (int i = lane; i < min(rows, KEYS) * (D / 8); i += 32) {
            store_shared_zero_16(v_tile + Swizzle<D>::offset(i / (D / 8), i % (D / 8)));
        }
        __syncwarp();
    }

    using Loader = TileLoader<KEYS, D, 32>;

    // The first of 16 keys, which lie in one page if there are pages.
    __device__ __forceinline__ const char* row_of(const View& view, int key0) const {
        i64 place = batch, row = key0;
        if (p.cache.pages) {
            place = p.cache.pages[static_cast<i64>(batch) * p.cache.pages_per_row + key0 / p.cache.page_keys];
            row = key0 % p.cache.page_keys;
        }
        return static_cast<const char*>(view.data) + (place * view.batch + kv_head * view.head + row * view.row) * 2;
    }

    __device__ __forceinline__ void load(const Loader& loader, int key0, int end, int stage) const {
        if (key0 < end) {
            unsigned int tile = ring + stage * STAGE_BYTES;
            loader.load(tile, row_of(p.k, key0), p.k.row * 2, visible.length - key0);
            loader.load(tile + TILE_BYTES, row_of(p.v, key0), p.v.row * 2, visible.length - key0);
        }
        copy_async_commit();  // an empty group keeps the count in step
    }

    __device__ __forceinline__ void run() {
#pragma unroll
        for (int n = 0; n < TILES; ++n) {
#pragma unroll
            for (int j = 0; j < 2; ++j) {
                maximum[n][j] = negative_infinity();
                sum[n][j] = 0.f;
            }
#pragma unroll
            for (int d = 0; d < STEPS; ++d) o[d][n][0] = o[d][n][1] = o[d][n][2] = o[d][n][3] = 0.f;
        }
        int seen = visible.limit(query_of(rows_left - 1));  // the last row sees most
        int start = min(seen, first_key / UNIT * UNIT);
        int units = tiles(tiles(seen - start, UNIT), p.splits);  // of each split
        int begin = min(seen, start + split * units * UNIT);
        int end = min(seen, begin + units * UNIT);

        Loader loader(lane, p.problem.head_dim);
        int key0 = begin + warp * KEYS;
#pragma unroll
        for (int stage = 0; stage < STAGES_ - 1; ++stage) load(loader, key0 + stage * UNIT, end, stage);
        load_q();
        int all_visible = visible.limit(query_of(0));
        int stage = 0;
#pragma unroll 1
        for (; key0 < end; key0 += UNIT) {
            int next = stage == 0 ? STAGES_ - 1 : stage - 1;
            __syncwarp();  // all lanes are done with the stage that is filled next
            load(loader, key0 + (STAGES_ - 1) * UNIT, end, next);
            copy_async_wait<STAGES_ - 1>();
            __syncwarp();
            unsigned int tile = ring + stage * STAGE_BYTES;
            float s[TILES][4];
            if (key0 < first_key) clear_hidden(tile + TILE_BYTES, first_key - key0);
            scores(s, tile, key0, key0 + KEYS > all_visible || key0 < first_key);
            packed_softmax(s, o, maximum, sum);
            accumulate(s, tile + TILE_BYTES);
            stage = stage + 1 == STAGES_ ? 0 : stage + 1;
        }
        copy_async_wait<0>();
        merge_warps();
    }

    // Warps leave (O^T, maximum, sum) in shared memory, over the ring; then each warp finishes every WARPS-th row.
    __device__ __forceinline__ void merge_warps() {
        float* values = reinterpret_cast<float*>(shared);  // [WARPS][PACKED][MERGE_PITCH]
        float2* states = reinterpret_cast<float2*>(values + WARPS_ * PACKED * MERGE_PITCH);  // [WARPS][PACKED]
        __syncthreads();
#pragma unroll
        for (int n = 0; n < TILES; ++n) {
#pragma unroll
            for (int j = 0; j < 2; ++j) {
                int row = warp * PACKED + n * 8 + lane % 4 * 2 + j;
#pragma unroll
                for (int distance = 4; distance < 32; distance *= 2) {
                    sum[n][j] += __shfl_xor_sync(0xffffffffu, sum[n][j], distance);
                }
                if (lane < 4) states[row] = make_float2(maximum[n][j], sum[n][j]);
#pragma unroll
                for (int d = 0; d < STEPS; ++d) {
                    values[row * MERGE_PITCH + d * 16 + lane / 4] = o[d][n][j];
                    values[row * MERGE_PITCH + d * 16 + lane / 4 + 8] = o[d][n][j + 2];
                }
            }
        }
        __syncthreads();
#pragma unroll 1
        for (int row = warp; row < rows_left; row += WARPS_) finish_row(row, values, states);
    }

    __device__ __forceinline__ void finish_row(int row, const float* values, const float2* states) const {
        float top = negative_infinity();
#pragma unroll
        for (int w = 0; w < WARPS_; ++w) top = fmaxf(top, states[w * PACKED + row].x);
        float reference = top == negative_infinity() ? 0.f : top;
        float weight[WARPS_];
        float total = 0.f;
#pragma unroll
        for (int w = 0; w < WARPS_; ++w) {
            weight[w] = exp2_fast(states[w * PACKED + row].x - reference);
            total += weight[w] * states[w * PACKED + row].y;
        }
        float inverse = total == 0.f ? 0.f : reciprocal_fast(total);
        float lse2 = log_sum_exp_2(reference, total);
        i64 index = state_index(row);
        i64 plane = static_cast<i64>(p.problem.batch) * p.problem.heads * p.problem.queries;
        if (lane == 0 && p.splits > 1) p.partial_lse[split * plane + index] = lse2;
        if (lane == 0 && p.splits == 1 && p.lse) p.lse[index] = lse2 * LN_2;
        char* target = static_cast<char*>(p.o.data) +
                       (batch * p.o.batch + head_of(row) * p.o.head + query_of(row) * p.o.row) * 2;
        for (int column = lane * 4; column < D; column += 128) {
            float4 x = make_float4(0.f, 0.f, 0.f, 0.f);
#pragma unroll
            for (int w = 0; w < WARPS_; ++w) {
                float4 y = *reinterpret_cast<const float4*>(values + (w * PACKED + row) * MERGE_PITCH + column);
                x.x += weight[w] * y.x;
                x.y += weight[w] * y.y;
                x.z += weight[w] * y.z;
                x.w += weight[w] * y.w;
            }
            x = make_float4(x.x * inverse, x.y * inverse, x.z * inverse, x.w * inverse);
            if (p.splits > 1) {
                *reinterpret_cast<float4*>(p.partial_o + (split * plane + index) * D + column) = x;
            } else if (column < p.problem.head_dim) {
                *reinterpret_cast<uint2*>(target + column * 2) =
                    make_uint2(Element::pack(x.x, x.y), Element::pack(x.z, x.w));
            }
        }
    }
};

// grid.x: split fastest, then row block, key head, batch.
template <class Element, int D, int PACKED_, int WARPS_, int STAGES_>
__device__ __forceinline__ void decode_split(const DecodeSplitParams& p, char* shared) {
    int row_blocks = tiles(p.problem.queries * (p.problem.heads / p.problem.kv_heads), PACKED_);
    int split = blockIdx.x % p.splits;
    int rest = blockIdx.x / p.splits;
    int row_block = rest % row_blocks;
    rest /= row_blocks;
    DecodeSplit<Element, D, PACKED_, WARPS_, STAGES_> block(p, shared, rest / p.problem.kv_heads,
                                                         rest % p.problem.kv_heads, row_block, split);
    block.run();
}

}  // namespace flash
