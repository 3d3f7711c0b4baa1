// Attention backward on mma.sync and cp.async (sm_80 and later): dK and dV of one key tile, and its share of dQ.
//
// One block owns BLOCK_N keys of one key head and walks over all query tiles of all query heads of the group, so dK and
// dV need no atomics under GQA. Everything is computed transposed: S^T = K Q^T and dP^T = V dO^T have keys as rows, so
// P^T and dS^T are, repacked, the register operands of dV += P^T dO and dK += dS^T Q.
//
// A pair of warps owns 32 keys: for S^T and dP^T each takes every other group of 16 queries, for dV and dK every other
// group of 16 columns; the halves of P^T and dS^T that a warp lacks come from its partner through shared memory, behind
// a barrier of the two alone. So every B operand read from shared memory feeds two row tiles. dQ = dS K needs the dS of
// all keys: it is computed one step later from a double buffer, so the block meets at one barrier a step. Q, dO and the
// row statistics are fetched a step ahead.
// Bound by shared-memory bandwidth (ldmatrix) and by exposed latency: two warps a scheduler.
//
// fp32: tiles are split in place once they have landed (tile/split.cuh), P as computed, dS by a scale of each warp's own.
// Every sum over keys or queries starts afresh where a scale changes and is added on by ordinary additions: they undo
// the scale, and they round, while tensor cores truncate.
#pragma once

#include "attention/dropout.cuh"
#include "attention/params.cuh"
#include "attention/score.cuh"
#include "attention/visibility.cuh"
#include "tile/copy.cuh"
#include "tile/math.cuh"
#include "tile/operand_sm80.cuh"

namespace flash {

template <class Element, int D, int BLOCK_M_, int BLOCK_N_, int WARPS_, int STAGES_, bool BIAS_, bool DROPOUT_>
struct BackwardSm80 {
    static constexpr int M = BLOCK_M_;
    static constexpr int N = BLOCK_N_;
    static constexpr int THREADS = 32 * WARPS_;
    static constexpr int M_TILES = M / 16;  // a warp's accumulators over its half of the queries
    static constexpr int D_TILES = D / 16;  // and over its half of head_dim
    static constexpr int BYTES = Element::BYTES;
    static constexpr int PARTS = Element::PARTS;
    static constexpr bool SPLIT = PARTS == 2;
    static constexpr int KV_BYTES = N * D * BYTES;
    static constexpr int Q_BYTES = M * D * BYTES;
    static constexpr int DS_BYTES = N * M * BYTES;
    static constexpr float WEIGHT_FACTOR = SPLIT ? 16384.f : 1.f;  // of split weights: they reach 1, fp16 2^16
    // Unrolled in full, the assembler fetches operands ahead until registers run out; features leave it fewer.
    static constexpr int QK_UNROLL = SPLIT ? 1 : BIAS_ || DROPOUT_ ? 2 : D / 16;
    static constexpr int STATS_BYTES = M * 8;
    static constexpr int STEPS = M / 32;  // a warp's own groups of 16 queries: numbers 2 * i + half
    static_assert(N == 16 * WARPS_ && M % 32 == 0 && D % 32 == 0 && STAGES_ == 2, "two warps share 32 keys, two stages");

    // Warps over dQ [M x D]: rows x columns as square as the tile allows.
    static __host__ __device__ constexpr bool fits(int rows) {
        return M % (16 * rows) == 0 && D % (16 * (WARPS_ / rows)) == 0;
    }
    static __host__ __device__ constexpr int cost(int rows) {
        return fits(rows) ? M / rows + D / (WARPS_ / rows) : 1 << 20;
    }
    static __host__ __device__ constexpr int cheaper(int a, int b) { return cost(a) <= cost(b) ? a : b; }
    static constexpr int DQ_ROW_WARPS = cheaper(cheaper(1, 2), cheaper(4, WARPS_ >= 8 ? 8 : 4));
    static constexpr int DQ_ROWS = M / DQ_ROW_WARPS;
    static constexpr int DQ_COLUMNS = D / (WARPS_ / DQ_ROW_WARPS);
    static_assert(fits(DQ_ROW_WARPS), "dQ can be shared out");

    const BackwardParams& p;
    VisibleKeys visible;
    int batch, kv_head, n_block, first_key, warp, lane;
    int half, pair_key;            // which half of its pair this warp is, and the pair's first key in the tile
    int group, m_begin, m_blocks;  // query tiles m_begin .. m_blocks - 1 of each head of the group
    unsigned int k_tile, v_tile, q_tile, do_tile, ds_tile, stats_tile;
    unsigned int largest_slots;  // SPLIT: of K, V, then Q and dO of each stage
    unsigned int unit_slots;     // SPLIT: scale of each warp's dS, two buffers
    float scale_log2;
    float k_unit = 1.f, v_unit = 1.f;  // SPLIT: scales

    float dk[2][D_TILES][4];  // [16 keys each][columns of group 2 * d + half]
    float dv[2][D_TILES][4];

    using Fragment = Operand<Element>;
    using Scores = float[2][M_TILES][4];  // [16 keys each][8 queries of the own groups]
    using Operands = Fragment[STEPS][2];  // the same, packed: [16 queries each][16 keys each]
    using Lane = LaneAddress<D, PARTS>;   // in a tile of K, V, Q or dO
    using KeyTile = Swizzle<D * PARTS>;
    using ScoreTile = Swizzle<M * PARTS>;  // P^T or dS^T: [N keys][M queries]
    using Largest = BlockMax<WARPS_>;

    using KeyLoader = TileLoader<N, D, THREADS, PARTS>;
    using QueryLoader = TileLoader<M, D, THREADS, PARTS>;
    using QuerySplit = TileSplit<Element, QueryLoader, WARPS_>;

    // Scales of what a step multiplies; 1 unless SPLIT.
    struct Units {
        float q, d_o;
    };

    __device__ __forceinline__ BackwardSm80(const BackwardParams& params, char* shared, int b, int hk, int n)
        : p(params), visible(params.problem, b), batch(b), kv_head(hk), n_block(n), first_key(n * N) {
        warp = threadIdx.x / 32;
        lane = threadIdx.x % 32;
        half = warp % 2;
        pair_key = warp / 2 * 32;
        group = p.problem.heads / p.problem.kv_heads;
        m_blocks = tiles(p.problem.queries, M);
        m_begin = first_key < visible.length ? min(m_blocks, visible.first_query(first_key) / M) : m_blocks;
        k_tile = shared_address(shared);
        v_tile = k_tile + KV_BYTES;
        q_tile = v_tile + KV_BYTES;
        do_tile = q_tile + STAGES_ * Q_BYTES;
        ds_tile = do_tile + STAGES_ * Q_BYTES;
        stats_tile = ds_tile + 2 * DS_BYTES;
        largest_slots = stats_tile + STAGES_ * STATS_BYTES;
        unit_slots = largest_slots + (2 + 2 * STAGES_) * Largest::BYTES;
        scale_log2 = p.problem.scale * LOG2_E;
        clear(dk[0]);
        clear(dk[1]);
        clear(dv[0]);
        clear(dv[1]);
    }

    __device__ __forceinline__ i64 head_index(int head) const {
        return static_cast<i64>(batch) * p.problem.heads + head;
    }

    __device__ __forceinline__ void load_keys(const KeyLoader& loader) const {
        const char* k = static_cast<const char*>(p.k.data) +
                        (batch * p.k.batch + kv_head * p.k.head + first_key * p.k.row) * BYTES;
        const char* v = static_cast<const char*>(p.v.data) +
                        (batch * p.v.batch + kv_head * p.v.head + first_key * p.v.row) * BYTES;
        loader.load(k_tile, k, p.k.row * BYTES, visible.length - first_key);
        loader.load(v_tile, v, p.v.row * BYTES, visible.length - first_key);
    }

    // Once K and V have landed.
    __device__ __forceinline__ void split_keys(const KeyLoader& loader) {
        k_unit = split_keys(loader, k_tile, largest_slots);
        v_unit = split_keys(loader, v_tile, largest_slots + Largest::BYTES);
        scale_log2 *= k_unit;
    }
    __device__ __forceinline__ static float split_keys(const KeyLoader& loader, unsigned int tile, unsigned int slots) {
        TileSplit<Element, KeyLoader, WARPS_> tile_split(loader, tile, slots);
        __syncthreads();
        return tile_split.split();
    }

    // Rows past the end become Q = dO = 0 and statistics 0: weight 1 times gradient 0, so they need no mask.
    __device__ __forceinline__ void load_queries(const QueryLoader& loader, int head, int m, int stage) const {
        int rows = p.problem.queries - m * M;
        const char* q = static_cast<const char*>(p.q.data) +
                        (batch * p.q.batch + head * p.q.head + m * M * p.q.row) * BYTES;
        const char* d_o = static_cast<const char*>(p.d_o.data) +
                          (batch * p.d_o.batch + head * p.d_o.head + m * M * p.d_o.row) * BYTES;
        loader.load(q_tile + stage * Q_BYTES, q, p.q.row * BYTES, rows);
        loader.load(do_tile + stage * Q_BYTES, d_o, p.d_o.row * BYTES, rows);
        const float* stats = p.row_stats + (head_index(head) * p.problem.queries + m * M) * 2;
        for (int row = threadIdx.x; row < M; row += THREADS) {
            copy_async_8(stats_tile + stage * STATS_BYTES + row * 8, stats + row * 2, row < rows ? 8 : 0);
        }
        copy_async_commit();
    }

    // Barrier of the two warps that share 32 keys; barrier 0 is the whole block's.
    __device__ __forceinline__ void meet_partner() const {
        asm volatile("bar.sync %0, 64;" ::"r"(1 + warp / 2) : "memory");
    }

    // result[32 keys x own queries] = (rows of keys_tile) * (queries_tile)^T
    __device__ __forceinline__ void times_queries(Scores& result, unsigned int keys_tile,
                                                  unsigned int queries_tile) const {
        Lane key_lane(keys_tile, pair_key + lane % 16, lane / 16);
        Lane query_lane(queries_tile, half * 16 + lane % 8 + lane / 16 * 8, lane / 8 % 2);
        key_lane.pin();
        query_lane.pin();
        clear(result[0]);
        clear(result[1]);
#pragma unroll QK_UNROLL
        for (int step = 0; step < D / 16; ++step) {
            Fragment a[2];
            a[0].load(key_lane, 0, step);
            a[1].load(key_lane, 1, step);
#pragma unroll
            for (int i = 0; i < STEPS; ++i) {
                Fragment b;
                b.load(query_lane, 2 * i, step);
                multiply_rounded<Element>(result, i, a, b);
            }
        }
    }

    // result[32 keys x own columns] += weights[32 keys x 16 queries] * (16 rows of queries_tile)
    __device__ __forceinline__ void accumulate_step(float (&result)[2][D_TILES][4], const Fragment (&a)[2],
                                                    const Lane& query_lane, int row_step) const {
#pragma unroll
        for (int d = 0; d < D / 32; ++d) {
            Fragment b;
            b.load_transposed(query_lane, row_step, 2 * d);
            multiply<Element>(result, d, a, b);
        }
    }

    // The same over all groups of 16 queries, 32 columns at a time.
    __device__ __forceinline__ void accumulate_split(float (&result)[2][D_TILES][4], const Operands& weights,
                                                     const Lane& query_lane, float unit) const {
#pragma unroll
        for (int d = 0; d < D / 32; ++d) {
            float sum[2][2][4];
#pragma unroll
            for (int i = 0; i < STEPS; ++i) {
                Fragment b;
                b.load_transposed(query_lane, 2 * i, 2 * d);
                multiply<Element>(sum, 0, weights[i], b, i == 0);
            }
#pragma unroll
            for (int tile = 0; tile < 2; ++tile) {
                add_scaled(result[tile][2 * d], sum[tile][0], unit);
                add_scaled(result[tile][2 * d + 1], sum[tile][1], unit);
            }
        }
    }

    // The own queries' share, from registers.
    __device__ __forceinline__ void accumulate_own(float (&result)[2][D_TILES][4], const Operands& weights,
                                                   unsigned int queries_tile, float unit) const {
        Lane query_lane(queries_tile, half * 16 + lane % 16, lane / 16 + 2 * half);
        query_lane.pin();
        if constexpr (SPLIT) {
            accumulate_split(result, weights, query_lane, unit);
        } else {
#pragma unroll
            for (int i = 0; i < STEPS; ++i) accumulate_step(result, weights[i], query_lane, 2 * i);
        }
    }

    // The partner's queries' share, its weights read from shared memory [N keys][M queries].
    __device__ __forceinline__ void accumulate_partner(float (&result)[2][D_TILES][4], unsigned int weights_tile,
                                                       unsigned int queries_tile, float unit) const {
        int other = 1 - half;
        Lane query_lane(queries_tile, other * 16 + lane % 16, lane / 16 + 2 * half);
        LaneAddress<M, PARTS> weight_lane(weights_tile, pair_key + lane % 16, lane / 16 + 2 * other);
        query_lane.pin();
        weight_lane.pin();
        Operands weights;
#pragma unroll
        for (int i = 0; i < STEPS; ++i) {
            weights[i][0].load(weight_lane, 0, 2 * i);
            weights[i][1].load(weight_lane, 1, 2 * i);
            if constexpr (!SPLIT) accumulate_step(result, weights[i], query_lane, 2 * i);
        }
        if constexpr (SPLIT) accumulate_split(result, weights, query_lane, unit);
    }

    // First of the two queries (2t, 2t + 1) of accumulator m, and the key of its row, both within the tile.
    __device__ __forceinline__ int tile_query(int m) const {
        return (m / 2 * 2 + half) * 16 + m % 2 * 8 + lane % 4 * 2;
    }
    __device__ __forceinline__ int tile_key(int tile, int i) const {
        return pair_key + tile * 16 + i / 2 * 8 + lane / 4;
    }

    // Scores to the log2 domain; -inf where a query does not see a key.
    __device__ __forceinline__ void finish_scores(Scores& s, int head, int m_block, float scale) const {
        bool masked = first_key + N > visible.limit(m_block * M);  // some query of the tile misses some key of it
        if (BIAS_) {
            BiasReader<Element> bias(p.bias, p.problem.bias_is_float, batch, head);
#pragma unroll
            for (int index = 0; index < 2 * M_TILES * 4; ++index) {
                int tile = index / (M_TILES * 4), m = index / 4 % M_TILES, i = index % 4;
                int query = m_block * M + tile_query(m) + i % 2;
                int key = first_key + tile_key(tile, i);
                bool read = query < p.problem.queries && key < visible.limit(query);
                s[tile][m][i] = fmaf(s[tile][m][i], scale, read ? bias.at(query, key) * LOG2_E : 0.f);
            }
        }
        if (masked) {
#pragma unroll
            for (int m = 0; m < M_TILES; ++m) {
#pragma unroll
                for (int column = 0; column < 2; ++column) {
                    int limit = visible.limit(m_block * M + tile_query(m) + column) - first_key - tile_key(0, 0);
#pragma unroll
                    for (int row = 0; row < 4; ++row) {
                        if (row * 8 >= limit) s[row / 2][m][row % 2 * 2 + column] = negative_infinity();
                    }
                }
            }
        }
    }

    static __device__ __forceinline__ float weight(float exponent) { return exp2_fast(exponent) * WEIGHT_FACTOR; }

    // P^T from scores, packed; the statistics of queries 2t and 2t + 1 lie together.
    __device__ __forceinline__ void weights(Operands& w, Scores& s, unsigned int stats, float scale) const {
        const float c = BIAS_ ? 1.f : scale;
#pragma unroll
        for (int m = 0; m < M_TILES; ++m) {
            float4 x = load_shared_float4(stats + tile_query(m) * 8);  // {lse, dot} of two queries
#pragma unroll
            for (int tile = 0; tile < 2; ++tile) {
                float(&y)[4] = s[tile][m];
                Fragment& fragment = w[m / 2][tile];
                fragment.pack(m % 2 * 2, weight(fmaf(y[0], c, -x.x)), weight(fmaf(y[1], c, -x.z)));
                fragment.pack(m % 2 * 2 + 1, weight(fmaf(y[2], c, -x.x)), weight(fmaf(y[3], c, -x.z)));
            }
        }
    }

    // To this warp's places in shared memory [N keys][M queries].
    __device__ __forceinline__ void publish(const Operands& w, unsigned int tile_address) const {
        int here = pinned(lane);
#pragma unroll
        for (int tile = 0; tile < 2; ++tile) {
#pragma unroll
            for (int m = 0; m < M_TILES; ++m) {
                int chunk = (m / 2 * 2 + half) * 2 + m % 2;
                int row = pair_key + tile * 16 + here / 4;
#pragma unroll
                for (int i = 0; i < PARTS; ++i) {
                    unsigned int at = tile_address + ScoreTile::offset(row, chunk * PARTS + i) + here % 4 * 4;
                    store_shared(at, w[m / 2][tile].part[i][m % 2 * 2]);
                    store_shared(at + 8 * ScoreTile::PITCH, w[m / 2][tile].part[i][m % 2 * 2 + 1]);
                }
            }
        }
    }

    // Keep bits of the own elements: bit 8 * i + 4 * (m % 2) + element. A lane needs, of queries 2t and 2t + 1, the keys
    // of its own parity; its neighbour (lane ^ 4) needs the other keys of the same two calls: each makes one call, then
    // they swap halves.
    __device__ __forceinline__ void keep_bits(u32 (&keep)[2], int head, int m_block) const {
        DropoutMask mask(p.problem, batch, head);
        bool odd = (lane / 4) % 2 == 1;
#pragma unroll
        for (int tile = 0; tile < 2; ++tile) {
            keep[tile] = 0;
#pragma unroll
            for (int i = 0; i < STEPS; ++i) {
                uint4 own = mask.patch(m_block * M + tile_query(2 * i) + (odd ? 1 : 0), first_key + tile_key(tile, 0));
#pragma unroll
                for (int eight = 0; eight < 2; ++eight) {        // queries 2t, 2t + 1, then 8 further
                    u32 first = eight == 0 ? own.x : own.z;      // keys b, b + 1
                    u32 second = eight == 0 ? own.y : own.w;     // keys b + 8, b + 9
                    u32 low = __byte_perm(first, second, 0x5410);   // even keys
                    u32 high = __byte_perm(first, second, 0x7632);  // odd keys
                    u32 other = __shfl_xor_sync(0xffffffffu, odd ? low : high, 4);
                    u32 mine = odd ? high : low;
                    u32 even_query = odd ? other : mine;
                    u32 odd_query = odd ? mine : other;
                    u32 bits = (mask.keeps_low(even_query) ? 1u : 0u) | (mask.keeps_low(odd_query) ? 2u : 0u) |
                               (mask.keeps_high(even_query) ? 4u : 0u) | (mask.keeps_high(odd_query) ? 8u : 0u);
                    keep[tile] |= bits << (8 * i + 4 * eight);
                }
            }
        }
    }

    __device__ __forceinline__ void drop_weights(Operands& dropped, const Operands& w, const u32 (&keep)[2]) const {
#pragma unroll
        for (int tile = 0; tile < 2; ++tile) {
#pragma unroll
            for (int j = 0; j < STEPS * 4; ++j) {
                u32 bits = keep[tile] >> (2 * j);
                u32 mask = (bits & 1 ? 0xffffu : 0u) | (bits & 2 ? 0xffff0000u : 0u);
#pragma unroll
                for (int i = 0; i < PARTS; ++i) {
                    dropped[j / 4][tile].part[i][j % 4] = w[j / 4][tile].part[i][j % 4] & mask;
                }
            }
        }
    }

    // dS^T = P^T (dP^T - dot), in the place of dP^T. P comes rounded to elements: half the registers, and dS is rounded
    // next anyway. Split weights are as good as fp32, larger by WEIGHT_FACTOR.
    __device__ __forceinline__ void score_gradients(const Operands& w, Scores& dp, const u32 (&keep)[2],
                                                    unsigned int stats, float unit) const {
#pragma unroll
        for (int m = 0; m < M_TILES; ++m) {
            float4 x = load_shared_float4(stats + tile_query(m) * 8);
#pragma unroll
            for (int tile = 0; tile < 2; ++tile) {
                float(&y)[4] = dp[tile][m];
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    if (SPLIT) y[i] *= unit;
                    if (DROPOUT_) y[i] = keep[tile] >> (4 * m + i) & 1 ? y[i] * p.problem.keep_scale : 0.f;
                }
#pragma unroll
                for (int row = 0; row < 2; ++row) {
                    float2 weight = w[m / 2][tile].unpack(m % 2 * 2 + row);
                    y[2 * row] = weight.x * (y[2 * row] - x.y);
                    y[2 * row + 1] = weight.y * (y[2 * row + 1] - x.w);
                }
            }
        }
    }

    // Packs dS^T; returns the scale that it was split with.
    __device__ __forceinline__ float pack_gradients(Operands& ds, const Scores& x) const {
        float factor = 1.f, unit = 1.f;
        if constexpr (SPLIT) {
            float largest = 0.f;
#pragma unroll
            for (int i = 0; i < 2 * M_TILES * 4; ++i) {
                largest = fmaxf(largest, fabsf(x[i / 4 / M_TILES][i / 4 % M_TILES][i % 4]));
            }
            SplitScale scale(warp_max(fminf(largest, LARGEST_FLOAT)));
            factor = scale.factor;
            unit = scale.unit;
        }
#pragma unroll
        for (int m = 0; m < M_TILES; ++m) {
#pragma unroll
            for (int tile = 0; tile < 2; ++tile) {
                const float(&y)[4] = x[tile][m];
                ds[m / 2][tile].pack(m % 2 * 2, y[0] * factor, y[1] * factor);
                ds[m / 2][tile].pack(m % 2 * 2 + 1, y[2] * factor, y[3] * factor);
            }
        }
        return unit;
    }

    // Of the dS^T that a warp published in buffer 0 or 1.
    __device__ __forceinline__ unsigned int unit_slot(int buffer, int of_warp) const {
        return unit_slots + (buffer * WARPS_ + of_warp) * 4;
    }

    // This warp's part of dQ = dS K, added to the accumulator.
    __device__ __forceinline__ void add_query_gradients(int head, int m_block, int buffer) const {
        int row0 = warp % DQ_ROW_WARPS * DQ_ROWS;
        int column0 = warp / DQ_ROW_WARPS * DQ_COLUMNS;
        float dq[DQ_ROWS / 16][DQ_COLUMNS / 8][4];
#pragma unroll
        for (int m = 0; m < DQ_ROWS / 16; ++m) clear(dq[m]);
        if constexpr (SPLIT) {
#pragma unroll
            for (int pair = 0; pair < N / 32; ++pair) {
                float sum[DQ_ROWS / 16][DQ_COLUMNS / 8][4];
#pragma unroll
                for (int m = 0; m < DQ_ROWS / 16; ++m) clear(sum[m]);
                times_keys(sum, row0, column0, buffer, 2 * pair, 2 * pair + 2);
#pragma unroll
                for (int m = 0; m < DQ_ROWS / 16; ++m) {
                    float unit = load_shared_float(unit_slot(buffer, 2 * pair + (row0 / 16 + m) % 2)) * k_unit;
#pragma unroll
                    for (int d = 0; d < DQ_COLUMNS / 8; ++d) add_scaled(dq[m][d], sum[m][d], unit);
                }
            }
        } else {
            times_keys(dq, row0, column0, buffer, 0, N / 16);
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

    // result += dS K over the groups of 16 keys first .. last - 1.
    __device__ __forceinline__ void times_keys(float (&result)[DQ_ROWS / 16][DQ_COLUMNS / 8][4], int row0, int column0,
                                               int buffer, int first, int last) const {
        int here = pinned(lane);
        int ds_row = here % 8 + here / 16 * 8;
        int k_row = here % 16;
        unsigned int ds = ds_tile + buffer * DS_BYTES;
#pragma unroll
        for (int step = first; step < last; ++step) {
            Fragment a[DQ_ROWS / 16];
#pragma unroll
            for (int m = 0; m < DQ_ROWS / 16; ++m) {
                int chunk = (row0 + m * 16) / 8 + here / 8 % 2;
#pragma unroll
                for (int i = 0; i < PARTS; ++i) {
                    load_matrix_x4_transposed(a[m].part[i], ds + step * 16 * ScoreTile::PITCH +
                                                                ScoreTile::offset(ds_row, chunk * PARTS + i));
                }
            }
#pragma unroll
            for (int d = 0; d < DQ_COLUMNS / 16; ++d) {
                int chunk = (column0 + d * 16) / 8 + here / 16;
                Fragment b;
#pragma unroll
                for (int i = 0; i < PARTS; ++i) {
                    load_matrix_x4_transposed(b.part[i], k_tile + step * 16 * KeyTile::PITCH +
                                                             KeyTile::offset(k_row, chunk * PARTS + i));
                }
                multiply<Element>(result, d, a, b);
            }
        }
    }

    // Deterministic dQ: key tiles add to a query tile from the last that it sees to the first; under a causal rule that is
    // the order in which they reach it. The tile waited for has a lower block id of the same batch and head (see
    // backward_sm80), so it runs already or has ended.
    __device__ __forceinline__ int turn_of(int m_block) const {
        int last_key = min(visible.length - 1, (m_block + 1) * M + visible.causal_shift - 2);
        return last_key / N - n_block;
    }

    __device__ __forceinline__ void add_query_gradients_in_turn(int head, int m_block, int buffer) const {
        if (!p.dq_turn) {
            add_query_gradients(head, m_block, buffer);
            return;
        }
        int* turn = p.dq_turn + head_index(head) * m_blocks + m_block;
        if (threadIdx.x == 0) {
            int now;
            do {
                asm volatile("ld.acquire.gpu.global.b32 %0, [%1];" : "=r"(now) : "l"(turn) : "memory");
            } while (now != turn_of(m_block));
        }
        __syncthreads();
        add_query_gradients(head, m_block, buffer);
        __threadfence();
        __syncthreads();
        if (threadIdx.x == 0) {
            asm volatile("st.release.gpu.global.b32 [%0], %1;" ::"l"(turn), "r"(turn_of(m_block) + 1) : "memory");
        }
    }

    // The dS buffer first carries P^T from partner to partner, then dS^T: for the partner now, for dQ in the next step.
    __device__ __forceinline__ void step(int head, int m, int stage, const Units& units) {
        unsigned int q = q_tile + stage * Q_BYTES;
        unsigned int d_o = do_tile + stage * Q_BYTES;
        unsigned int ds = ds_tile + stage * DS_BYTES;
        unsigned int stats = stats_tile + stage * STATS_BYTES;
        float weight_unit = units.d_o / WEIGHT_FACTOR;
        Operands w;
        u32 keep[2];
        {
            Scores s;
            times_queries(s, k_tile, q);
            float scale = score_scale<Element>(scale_log2, units.q);
            finish_scores(s, head, m, scale);
            weights(w, s, stats, scale);
        }
        Scores dp;
        if (DROPOUT_) {
            keep_bits(keep, head, m);
            Operands dropped;
            drop_weights(dropped, w, keep);
            publish(dropped, ds);
            times_queries(dp, v_tile, d_o);
            drop_weights(dropped, w, keep);
            accumulate_own(dv, dropped, d_o, weight_unit);
        } else {
            publish(w, ds);
            times_queries(dp, v_tile, d_o);
            accumulate_own(dv, w, d_o, weight_unit);
        }
        meet_partner();  // P^T is complete
        accumulate_partner(dv, ds, d_o, weight_unit);
        Operands gradients;
        score_gradients(w, dp, keep, stats, v_unit * units.d_o);
        float unit = pack_gradients(gradients, dp) / WEIGHT_FACTOR;
        meet_partner();  // P^T is read
        publish(gradients, ds);
        if (SPLIT && lane == 0) store_shared(unit_slot(stage, warp), __float_as_uint(unit));
        accumulate_own(dk, gradients, q, unit * units.q);
        meet_partner();  // dS^T is complete
        if (SPLIT) unit = load_shared_float(unit_slot(stage, warp ^ 1));
        accumulate_partner(dk, ds, q, unit * units.q);
    }

    __device__ __forceinline__ void run() {
        int steps_per_head = m_blocks - m_begin;
        int steps = group * steps_per_head;
        if (steps > 0) {
            QueryLoader loader(threadIdx.x, p.problem.head_dim);
            int head = kv_head * group, m = m_begin;
            KeyLoader key_loader(threadIdx.x, p.problem.head_dim);
            load_keys(key_loader);
            if (SPLIT) copy_async_commit();
            load_queries(loader, head, m, 0);
            if constexpr (SPLIT) {
                copy_async_wait<1>();
                split_keys(key_loader);
            }
            int last_head = 0, last_m = 0;
#pragma unroll 1
            for (int i = 0; i < steps; ++i) {
                int next_m = m + 1 == m_blocks ? m_begin : m + 1;
                int next_head = m + 1 == m_blocks ? head + 1 : head;
                int stage = i % 2;
                copy_async_wait<0>();
                unsigned int slots = largest_slots + (2 + 2 * stage) * Largest::BYTES;
                QuerySplit q_split(loader, q_tile + stage * Q_BYTES, slots);
                QuerySplit do_split(loader, do_tile + stage * Q_BYTES, slots + Largest::BYTES);
                __syncthreads();  // this step's tiles have landed, dS of the last step is complete, its Q and dO are read
                if (i + 1 < steps) load_queries(loader, next_head, next_m, 1 - stage);
                Units units{q_split.split(), do_split.split()};
                if (i > 0) add_query_gradients_in_turn(last_head, last_m, 1 - stage);
                if (SPLIT) __syncthreads();  // Q and dO are split
                step(head, m, stage, units);
                last_head = head;
                last_m = m;
                head = next_head;
                m = next_m;
            }
            __syncthreads();
            add_query_gradients_in_turn(last_head, last_m, (steps + 1) % 2);
            __syncthreads();  // K is read no more: its rows stage the results
        }
        store(p.dk, dk, k_tile, p.problem.scale);
        store(p.dv, dv, v_tile, DROPOUT_ ? p.problem.keep_scale : 1.f);
    }

    // Through the pair's rows of a finished tile, of which each warp then stores 16; unused keys get exactly 0.
    __device__ __forceinline__ void store(const View& view, const float (&gradient)[2][D_TILES][4], unsigned int tile,
                                          float factor) const {
#pragma unroll
        for (int rows = 0; rows < 2; ++rows) {
            int row = pair_key + rows * 16 + lane / 4;
            bool low = first_key + row < visible.length;
            bool high = first_key + row + 8 < visible.length;
#pragma unroll
            for (int d = 0; d < D_TILES; ++d) {
                const float(&x)[4] = gradient[rows][d];
                int chunk = (d / 2 * 2 + half) * 2 + d % 2;
                unsigned int at = tile + pair_offset<Element, D>(row, chunk, lane % 4);
                store_pair<Element>(at, low ? x[0] * factor : 0.f, low ? x[1] * factor : 0.f);
                store_pair<Element>(at + 8 * KeyTile::PITCH, high ? x[2] * factor : 0.f, high ? x[3] * factor : 0.f);
            }
        }
        meet_partner();
        constexpr int CHUNKS = KeyTile::CHUNKS;
#pragma unroll
        for (int i = 0; i < CHUNKS / 2; ++i) {
            int index = i * 32 + lane;
            int tile_row = warp * 16 + index / CHUNKS;
            int chunk = index % CHUNKS;
            int key = first_key + tile_row;
            if (key < p.problem.keys && chunk * 16 < p.problem.head_dim * BYTES) {
                uint4 value = load_shared_16(tile + KeyTile::offset(tile_row, chunk));
                char* target = static_cast<char*>(view.data) + chunk * 16 +
                               (batch * view.batch + kv_head * view.head + key * view.row) * BYTES;
                *reinterpret_cast<uint4*>(target) = value;
            }
        }
    }
};

// grid.x: key tiles from the first (under a causal rule the longest) to the last, then key heads, then batch; in a
// deterministic run from the last to the first.
template <class Element, int D, int M, int N, int WARPS_, int STAGES_, bool BIAS_, bool DROPOUT_>
__device__ __forceinline__ void backward_sm80(const BackwardParams& p, char* shared) {
    int n_blocks = tiles(p.problem.keys, N);
    int n_block = blockIdx.x % n_blocks;
    if (p.dq_turn) n_block = n_blocks - 1 - n_block;  // a tile waits for tiles of higher number only
    int rest = blockIdx.x / n_blocks;
    BackwardSm80<Element, D, M, N, WARPS_, STAGES_, BIAS_, DROPOUT_> block(p, shared, rest / p.problem.kv_heads,
                                                                         rest % p.problem.kv_heads, n_block);
    block.run();
}

}  // namespace flash
