// Attention backward on mma.sync and cp.async (sm_80 and later): dK and dV of one key tile, and its share of dQ.
//
// One block owns BLOCK_N keys of one key head and walks over all query tiles of all query heads of the group, so dK and
// dV need no atomics under GQA. Everything is computed transposed: S^T = K Q^T and dP^T = V dO^T have keys as rows, 16
// a warp, so P^T and dS^T are, repacked, the register operands of dV += P^T dO and dK += dS^T Q. Only dS^T passes
// through shared memory, for dQ = dS K, which needs all keys of the tile. dQ of step i is computed in step i + 1 from a
// double buffer: one barrier a step. Q, dO and the row statistics are fetched a step ahead.
// Bound by shared-memory bandwidth (about 700 KB of operand reads for 64x128x128) and by exposed latency.
#pragma once

#include "attention/dropout.cuh"
#include "attention/params.cuh"
#include "attention/score.cuh"
#include "attention/visibility.cuh"
#include "tile/copy.cuh"
#include "tile/math.cuh"
#include "tile/mma_sm80.cuh"

namespace flash {

template <class Element, int D, int BLOCK_M_, int BLOCK_N_, int WARPS_, int STAGES_, bool BIAS_, bool DROPOUT_>
struct BackwardSm80 {
    static constexpr int M = BLOCK_M_;
    static constexpr int N = BLOCK_N_;
    static constexpr int THREADS = 32 * WARPS_;
    static constexpr int M_TILES = M / 8;   // accumulators over queries
    static constexpr int D_TILES = D / 8;   // accumulators over head_dim
    static constexpr int KV_BYTES = N * D * 2;
    static constexpr int Q_BYTES = M * D * 2;
    static constexpr int DS_BYTES = N * M * 2;
    static constexpr int STATS_BYTES = M * 8;
    static_assert(N == 16 * WARPS_ && M % 16 == 0 && D % 16 == 0 && STAGES_ == 2, "16 keys a warp, two stages");

    // Warps over dQ [M x D]: rows x columns as square as the tile allows.
    static constexpr bool fits(int rows) { return M % (16 * rows) == 0 && D % (16 * (WARPS_ / rows)) == 0; }
    static constexpr int cost(int rows) { return fits(rows) ? M / rows + D / (WARPS_ / rows) : 1 << 20; }
    static constexpr int cheaper(int a, int b) { return cost(a) <= cost(b) ? a : b; }
    static constexpr int DQ_ROW_WARPS = cheaper(cheaper(1, 2), cheaper(4, WARPS_ >= 8 ? 8 : 4));
    static constexpr int DQ_ROWS = M / DQ_ROW_WARPS;
    static constexpr int DQ_COLUMNS = D / (WARPS_ / DQ_ROW_WARPS);
    static_assert(fits(DQ_ROW_WARPS), "dQ can be shared out");

    const BackwardParams& p;
    VisibleKeys visible;
    int batch, kv_head, n_block, first_key, warp, lane;
    int group, m_begin, m_blocks;  // query tiles m_begin .. m_blocks - 1 of each head of the group
    unsigned int k_tile, v_tile, q_tile, do_tile, ds_tile, stats_tile;
    float scale_log2;

    float dk[D_TILES][4];
    float dv[D_TILES][4];

    using QueryLoader = TileLoader<M, D, THREADS>;

    __device__ __forceinline__ BackwardSm80(const BackwardParams& params, char* shared, int b, int hk, int n)
        : p(params), visible(params.problem, b), batch(b), kv_head(hk), n_block(n), first_key(n * N) {
        warp = threadIdx.x / 32;
        lane = threadIdx.x % 32;
        group = p.problem.heads / p.problem.kv_heads;
        m_blocks = tiles(p.problem.queries, M);
        m_begin = first_key < visible.length ? min(m_blocks, visible.first_query(first_key) / M) : m_blocks;
        k_tile = shared_address(shared);
        v_tile = k_tile + KV_BYTES;
        q_tile = v_tile + KV_BYTES;
        do_tile = q_tile + STAGES_ * Q_BYTES;
        ds_tile = do_tile + STAGES_ * Q_BYTES;
        stats_tile = ds_tile + 2 * DS_BYTES;
        scale_log2 = p.problem.scale * LOG2_E;
        clear(dk);
        clear(dv);
    }

    __device__ __forceinline__ i64 head_index(int head) const {
        return static_cast<i64>(batch) * p.problem.heads + head;
    }

    __device__ __forceinline__ void load_keys() const {
        TileLoader<N, D, THREADS> loader(threadIdx.x, p.problem.head_dim);
        const char* k = static_cast<const char*>(p.k.data) +
                        (batch * p.k.batch + kv_head * p.k.head + first_key * p.k.row) * 2;
        const char* v = static_cast<const char*>(p.v.data) +
                        (batch * p.v.batch + kv_head * p.v.head + first_key * p.v.row) * 2;
        loader.load(k_tile, k, p.k.row * 2, visible.length - first_key);
        loader.load(v_tile, v, p.v.row * 2, visible.length - first_key);
    }

    // Rows past the end become Q = dO = 0 and statistics 0: weight 1 times gradient 0, so they need no mask.
    __device__ __forceinline__ void load_queries(const QueryLoader& loader, int head, int m, int stage) const {
        int rows = p.problem.queries - m * M;
        const char* q = static_cast<const char*>(p.q.data) +
                        (batch * p.q.batch + head * p.q.head + m * M * p.q.row) * 2;
        const char* d_o = static_cast<const char*>(p.d_o.data) +
                          (batch * p.d_o.batch + head * p.d_o.head + m * M * p.d_o.row) * 2;
        loader.load(q_tile + stage * Q_BYTES, q, p.q.row * 2, rows);
        loader.load(do_tile + stage * Q_BYTES, d_o, p.d_o.row * 2, rows);
        const float* stats = p.row_stats + (head_index(head) * p.problem.queries + m * M) * 2;
        for (int row = threadIdx.x; row < M; row += THREADS) {
            copy_async_8(stats_tile + stage * STATS_BYTES + row * 8, stats + row * 2, row < rows ? 8 : 0);
        }
        copy_async_commit();
    }

    // result[16 keys x M queries] = (16 rows of keys_tile) * (queries_tile)^T
    __device__ __forceinline__ void times_queries(float (&result)[M_TILES][4], unsigned int keys_tile,
                                                  unsigned int queries_tile) const {
        LaneAddress<D> key_lane(keys_tile, warp * 16 + lane % 16, lane / 16);
        LaneAddress<D> query_lane(queries_tile, lane % 8 + lane / 16 * 8, lane / 8 % 2);
        key_lane.pin();
        query_lane.pin();
        clear(result);
// Two steps at a time: unrolled further, the assembler prefetches until it spills.
#pragma unroll 2
        for (int step = 0; step < D / 16; ++step) {
            unsigned int a[4];
            load_matrix_x4(a, key_lane.at(0, step));
#pragma unroll
            for (int m = 0; m < M / 16; ++m) {
                unsigned int b[4];
                load_matrix_x4(b, query_lane.at(m, step));
                Mma<Element>::run(result[2 * m], a, b[0], b[1]);
                Mma<Element>::run(result[2 * m + 1], a, b[2], b[3]);
            }
        }
    }

    // result[16 keys x D] += weights[16 keys x M] * (queries_tile)
    __device__ __forceinline__ void accumulate(float (&result)[D_TILES][4], const unsigned int (&weights)[M / 16][4],
                                               unsigned int queries_tile) const {
        LaneAddress<D> query_lane(queries_tile, lane % 16, lane / 16);
        query_lane.pin();
#pragma unroll
        for (int step = 0; step < M / 16; ++step) {
#pragma unroll
            for (int d = 0; d < D / 16; ++d) {
                unsigned int b[4];
                load_matrix_x4_transposed(b, query_lane.at(step, d));
                Mma<Element>::run(result[2 * d], weights[step], b[0], b[1]);
                Mma<Element>::run(result[2 * d + 1], weights[step], b[2], b[3]);
            }
        }
    }

    // Scores to the log2 domain; -inf where a query does not see a key.
    __device__ __forceinline__ void finish_scores(float (&s)[M_TILES][4], int head, int m_block) const {
        if (BIAS_) {
            BiasReader<Element> bias(p.bias, p.problem.bias_is_float, batch, head);
#pragma unroll
            for (int m = 0; m < M_TILES; ++m) {
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    int query = m_block * M + m * 8 + lane % 4 * 2 + i % 2;
                    int key = first_key + warp * 16 + lane / 4 + i / 2 * 8;
                    bool read = query < p.problem.queries && key < visible.limit(query);
                    s[m][i] = fmaf(s[m][i], scale_log2, read ? bias.at(query, key) * LOG2_E : 0.f);
                }
            }
        }
        if (first_key + N > visible.limit(m_block * M)) {  // some query of the tile misses some key of it
#pragma unroll
            for (int m = 0; m < M_TILES; ++m) {
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    int query = m_block * M + m * 8 + lane % 4 * 2 + i % 2;
                    int key = first_key + warp * 16 + lane / 4 + i / 2 * 8;
                    if (key >= visible.limit(query)) s[m][i] = negative_infinity();
                }
            }
        }
    }

    // P^T from scores; the statistics of queries 2t and 2t + 1 lie together.
    __device__ __forceinline__ void weights(float (&s)[M_TILES][4], unsigned int stats) const {
        const float c = BIAS_ ? 1.f : scale_log2;
#pragma unroll
        for (int m = 0; m < M_TILES; ++m) {
            float4 x = load_shared_float4(stats + m * 64 + lane % 4 * 16);  // {lse, dot} of two queries
            s[m][0] = exp2_fast(fmaf(s[m][0], c, -x.x));
            s[m][1] = exp2_fast(fmaf(s[m][1], c, -x.z));
            s[m][2] = exp2_fast(fmaf(s[m][2], c, -x.x));
            s[m][3] = exp2_fast(fmaf(s[m][3], c, -x.z));
        }
    }

    // P^T with dropped elements cleared, and dP^T = keep ? dP^T * keep_scale : 0. A lane needs, of queries 2t and 2t + 1,
    // the keys of its own parity; its neighbour (lane ^ 4) needs the other keys of the same two calls: each makes one
    // call, then they swap halves.
    __device__ __forceinline__ void drop(unsigned int (&dropped)[M / 16][4], const unsigned int (&w)[M / 16][4],
                                         float (&dp)[M_TILES][4], int head, int m_block) const {
        DropoutMask mask(p.problem, batch, head);
        bool odd = (lane / 4) % 2 == 1;
        int key = first_key + warp * 16 + lane / 4;
#pragma unroll
        for (int i = 0; i < M / 16; ++i) {
            int query = m_block * M + i * 16 + lane % 4 * 2;
            uint4 own = mask.patch(query + (odd ? 1 : 0), key);
#pragma unroll
            for (int half = 0; half < 2; ++half) {  // queries 2t, 2t + 1, then 8 further
                u32 first = half == 0 ? own.x : own.z;   // keys b, b + 1
                u32 second = half == 0 ? own.y : own.w;  // keys b + 8, b + 9
                u32 low = __byte_perm(first, second, 0x5410);   // even keys
                u32 high = __byte_perm(first, second, 0x7632);  // odd keys
                u32 other = __shfl_xor_sync(0xffffffffu, odd ? low : high, 4);
                u32 mine = odd ? high : low;
                u32 even_query = odd ? other : mine;
                u32 odd_query = odd ? mine : other;
                float(&x)[4] = dp[2 * i + half];
                bool keep0 = mask.keeps_low(even_query), keep1 = mask.keeps_low(odd_query);
                bool keep2 = mask.keeps_high(even_query), keep3 = mask.keeps_high(odd_query);
                x[0] = keep0 ? x[0] * p.problem.keep_scale : 0.f;
                x[1] = keep1 ? x[1] * p.problem.keep_scale : 0.f;
                x[2] = keep2 ? x[2] * p.problem.keep_scale : 0.f;
                x[3] = keep3 ? x[3] * p.problem.keep_scale : 0.f;
                dropped[i][2 * half] = w[i][2 * half] & ((keep0 ? 0xffffu : 0u) | (keep1 ? 0xffff0000u : 0u));
                dropped[i][2 * half + 1] = w[i][2 * half + 1] & ((keep2 ? 0xffffu : 0u) | (keep3 ? 0xffff0000u : 0u));
            }
        }
    }

    // dS^T = P^T (dP^T - dot), also into shared memory [N keys][M queries]. P comes rounded to elements: half the
    // registers, and dS is rounded to elements next anyway.
    __device__ __forceinline__ void score_gradients(float (&dp)[M_TILES][4], const unsigned int (&w)[M / 16][4],
                                                    unsigned int stats, unsigned int ds) const {
        unsigned int row = warp * 16 + pinned(lane) / 4;
#pragma unroll
        for (int m = 0; m < M_TILES; ++m) {
            float4 x = load_shared_float4(stats + m * 64 + lane % 4 * 16);
            float2 low = Element::unpack(w[m / 2][m % 2 * 2]);
            float2 high = Element::unpack(w[m / 2][m % 2 * 2 + 1]);
            dp[m][0] = low.x * (dp[m][0] - x.y);
            dp[m][1] = low.y * (dp[m][1] - x.w);
            dp[m][2] = high.x * (dp[m][2] - x.y);
            dp[m][3] = high.y * (dp[m][3] - x.w);
            unsigned int at = ds + Swizzle<M>::offset(row, m) + lane % 4 * 4;
            store_shared(at, Element::pack(dp[m][0], dp[m][1]));
            store_shared(at + 8 * Swizzle<M>::PITCH, Element::pack(dp[m][2], dp[m][3]));
        }
    }

    // This warp's part of dQ = dS K, added to the accumulator.
    __device__ __forceinline__ void add_query_gradients(int head, int m_block, unsigned int ds) const {
        int row0 = warp % DQ_ROW_WARPS * DQ_ROWS;
        int column0 = warp / DQ_ROW_WARPS * DQ_COLUMNS;
        float dq[DQ_ROWS / 16][DQ_COLUMNS / 8][4];
#pragma unroll
        for (int m = 0; m < DQ_ROWS / 16; ++m) clear(dq[m]);
        int here = pinned(lane);
        int ds_row = here % 8 + here / 16 * 8;
        int k_row = here % 16;
#pragma unroll
        for (int step = 0; step < N / 16; ++step) {
            unsigned int a[DQ_ROWS / 16][4];
#pragma unroll
            for (int m = 0; m < DQ_ROWS / 16; ++m) {
                int chunk = (row0 + m * 16) / 8 + here / 8 % 2;
                load_matrix_x4_transposed(a[m], ds + step * 16 * Swizzle<M>::PITCH + Swizzle<M>::offset(ds_row, chunk));
            }
#pragma unroll
            for (int d = 0; d < DQ_COLUMNS / 16; ++d) {
                int chunk = (column0 + d * 16) / 8 + here / 16;
                unsigned int b[4];
                load_matrix_x4_transposed(b, k_tile + step * 16 * Swizzle<D>::PITCH + Swizzle<D>::offset(k_row, chunk));
#pragma unroll
                for (int m = 0; m < DQ_ROWS / 16; ++m) {
                    Mma<Element>::run(dq[m][2 * d], a[m], b[0], b[1]);
                    Mma<Element>::run(dq[m][2 * d + 1], a[m], b[2], b[3]);
                }
            }
        }
        float* accumulator = p.dq_accum + head_index(head) * p.problem.queries * D;
#pragma unroll
        for (int m = 0; m < DQ_ROWS / 16; ++m) {
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                int query = m_block * M + row0 + m * 16 + half * 8 + lane / 4;
                if (query >= p.problem.queries) continue;
                float* target = accumulator + static_cast<i64>(query) * D + column0 + lane % 4 * 4;
#pragma unroll
                for (int d = 0; d < DQ_COLUMNS / 16; ++d) {
                    add_global_float4(target + d * 16, dq[m][2 * d][2 * half], dq[m][2 * d][2 * half + 1],
                                      dq[m][2 * d + 1][2 * half], dq[m][2 * d + 1][2 * half + 1]);
                }
            }
        }
    }

    // Deterministic dQ: key tiles add to a query tile in the order of their number. The tile waited for has a lower
    // block id of the same batch and head, so it runs already or has ended.
    __device__ __forceinline__ void add_query_gradients_in_turn(int head, int m_block, unsigned int ds) const {
        if (!p.dq_turn) {
            add_query_gradients(head, m_block, ds);
            return;
        }
        int* turn = p.dq_turn + head_index(head) * m_blocks + m_block;
        if (threadIdx.x == 0) {
            int now;
            do {
                asm volatile("ld.acquire.gpu.global.b32 %0, [%1];" : "=r"(now) : "l"(turn) : "memory");
            } while (now != n_block);
        }
        __syncthreads();
        add_query_gradients(head, m_block, ds);
        __threadfence();
        __syncthreads();
        if (threadIdx.x == 0) {
            asm volatile("st.release.gpu.global.b32 [%0], %1;" ::"l"(turn), "r"(n_block + 1) : "memory");
        }
    }

    __device__ __forceinline__ void step(int head, int m, int stage, unsigned int ds) {
        unsigned int q = q_tile + stage * Q_BYTES;
        unsigned int d_o = do_tile + stage * Q_BYTES;
        unsigned int stats = stats_tile + stage * STATS_BYTES;
        float s[M_TILES][4];
        times_queries(s, k_tile, q);
        finish_scores(s, head, m);
        weights(s, stats);
        unsigned int p16[M / 16][4];
#pragma unroll
        for (int i = 0; i < M / 16; ++i) pack_operand<Element>(p16[i], s[2 * i], s[2 * i + 1]);
        float dp[M_TILES][4];
        times_queries(dp, v_tile, d_o);
        if (DROPOUT_) {
            unsigned int dropped[M / 16][4];
            drop(dropped, p16, dp, head, m);
            accumulate(dv, dropped, d_o);
        } else {
            accumulate(dv, p16, d_o);
        }
        score_gradients(dp, p16, stats, ds);
        unsigned int ds16[M / 16][4];
#pragma unroll
        for (int i = 0; i < M / 16; ++i) pack_operand<Element>(ds16[i], dp[2 * i], dp[2 * i + 1]);
        accumulate(dk, ds16, q);
    }

    __device__ __forceinline__ void run() {
        int steps_per_head = m_blocks - m_begin;
        int steps = group * steps_per_head;
        if (steps > 0) {
            QueryLoader loader(threadIdx.x, p.problem.head_dim);
            int head = kv_head * group, m = m_begin;
            load_keys();
            load_queries(loader, head, m, 0);
            int last_head = 0, last_m = 0;
#pragma unroll 1
            for (int i = 0; i < steps; ++i) {
                int next_m = m + 1 == m_blocks ? m_begin : m + 1;
                int next_head = m + 1 == m_blocks ? head + 1 : head;
                copy_async_wait<0>();
                __syncthreads();  // this step's tiles have landed, dS of the last step is complete, its Q and dO are read
                if (i + 1 < steps) load_queries(loader, next_head, next_m, (i + 1) % 2);
                if (i > 0) add_query_gradients_in_turn(last_head, last_m, ds_tile + (i + 1) % 2 * DS_BYTES);
                step(head, m, i % 2, ds_tile + i % 2 * DS_BYTES);
                last_head = head;
                last_m = m;
                head = next_head;
                m = next_m;
            }
            __syncthreads();
            add_query_gradients_in_turn(last_head, last_m, ds_tile + (steps + 1) % 2 * DS_BYTES);
            __syncthreads();  // K is read no more: its rows stage the results
        }
        store(p.dk, dk, k_tile, p.problem.scale);
        store(p.dv, dv, v_tile, DROPOUT_ ? p.problem.keep_scale : 1.f);
    }

    // Through this warp's own rows of a finished tile; unused keys get exactly 0.
    __device__ __forceinline__ void store(const View& view, const float (&gradient)[D_TILES][4], unsigned int tile,
                                          float factor) const {
        int row = warp * 16 + lane / 4;
        bool low = first_key + row < visible.length;
        bool high = first_key + row + 8 < visible.length;
#pragma unroll
        for (int d = 0; d < D_TILES; ++d) {
            unsigned int at = tile + Swizzle<D>::offset(row, d) + lane % 4 * 4;
            store_shared(at, low ? Element::pack(gradient[d][0] * factor, gradient[d][1] * factor) : 0u);
            store_shared(at + 8 * Swizzle<D>::PITCH,
                         high ? Element::pack(gradient[d][2] * factor, gradient[d][3] * factor) : 0u);
        }
        __syncwarp();
        constexpr int CHUNKS = D / 8;
#pragma unroll
        for (int i = 0; i < CHUNKS / 2; ++i) {
            int index = i * 32 + lane;
            int tile_row = warp * 16 + index / CHUNKS;
            int chunk = index % CHUNKS;
            int key = first_key + tile_row;
            if (key < p.problem.keys && chunk * 8 < p.problem.head_dim) {
                uint4 value = load_shared_16(tile + Swizzle<D>::offset(tile_row, chunk));
                char* target = static_cast<char*>(view.data) + chunk * 16 +
                               (batch * view.batch + kv_head * view.head + key * view.row) * 2;
                *reinterpret_cast<uint4*>(target) = value;
            }
        }
    }
};

// grid.x: key tiles from the first (under a causal rule the longest) to the last, then key heads, then batch.
template <class Element, int D, int M, int N, int WARPS_, int STAGES_, bool BIAS_, bool DROPOUT_>
__device__ __forceinline__ void backward_sm80(const BackwardParams& p, char* shared) {
    int n_blocks = tiles(p.problem.keys, N);
    int n_block = blockIdx.x % n_blocks;
    int rest = blockIdx.x / n_blocks;
    BackwardSm80<Element, D, M, N, WARPS_, STAGES_, BIAS_, DROPOUT_> block(p, shared, rest / p.problem.kv_heads,
                                                                         rest % p.problem.kv_heads, n_block);
    block.run();
}

}  // namespace flash
