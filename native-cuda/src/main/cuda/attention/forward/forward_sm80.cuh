// Attention forward on mma.sync and cp.async (sm_80 and later).
//
// One block owns BLOCK_M queries of one head, each warp BLOCK_M / WARPS of them, so no softmax crosses warps. Q stays in
// shared memory; K and V tiles stream through it from the last visible tile to the first, so that only the first few
// steps mask. With one stage V(n) is fetched under Q K(n) and K(n-1) under P V(n); with two stages a whole step is
// fetched ahead, at one barrier a step. P is the accumulator of S repacked: it never leaves the registers.
// Bound by tensor-core issue and ldmatrix bandwidth; two or more blocks a multiprocessor hide softmax.
//
// fp32: every tile is split in place once it has landed (tile/split.cuh), which takes one barrier more. O is summed over
// tiles by ordinary additions, which round (multiply_rounded) and undo the tile's scale.
#pragma once

#include "attention/dropout.cuh"
#include "attention/params.cuh"
#include "attention/score.cuh"
#include "attention/softmax_state.cuh"
#include "attention/visibility.cuh"
#include "tile/copy.cuh"
#include "tile/math.cuh"
#include "tile/operand_sm80.cuh"

namespace flash {

// What a block works on. grid.x runs over query blocks from the last (under a causal rule the longest) to the first.
// 16-bit: then over heads, then batch, so that blocks that share K and V run together. fp32 takes longer than reading K
// and V does: it runs over heads and batch first, so that the longest blocks of all heads start first.
template <bool SPLIT, int M>
struct ForwardPlace {
    int batch, head, m_block;

    __device__ __forceinline__ explicit ForwardPlace(const Problem& problem) {
        int m_blocks = tiles(problem.queries, M);
        int heads = problem.batch * problem.heads;
        int index = block_index();
        m_block = m_blocks - 1 - (SPLIT ? index / heads : index % m_blocks);
        int rest = SPLIT ? index % heads : index / m_blocks;
        batch = rest / problem.heads;
        head = rest % problem.heads;
    }
};

template <class Element, int D, int BLOCK_M_, int BLOCK_N_, int WARPS_, int STAGES_, bool BIAS_, bool DROPOUT_>
struct ForwardSm80 {
    static constexpr int M = BLOCK_M_;
    static constexpr int N = BLOCK_N_;
    static constexpr int THREADS = 32 * WARPS_;
    static constexpr int WARP_ROWS = M / WARPS_;         // queries of a warp
    static constexpr int M_TILES = WARP_ROWS / 16;       // mma tiles over a warp's queries
    static constexpr int S_TILES = N / 8;           // accumulators over keys
    static constexpr int O_TILES = D / 8;           // accumulators over head_dim
    static constexpr int BYTES = Element::BYTES;
    static constexpr int K_BYTES = N * D * BYTES;
    static constexpr int Q_BYTES = M * D * BYTES;
    static constexpr bool SPLIT = Element::PARTS == 2;
    static constexpr float WEIGHT_FACTOR = 128.f;  // of split weights: they reach 2^8 (SoftmaxRow), fp16 2^16
    using Largest = BlockMax<WARPS_>;
    using Fragment = Operand<Element>;
    using Place = ForwardPlace<SPLIT, M>;
    static constexpr int QK_UNROLL = SPLIT ? 1 : D / 16;  // more only hides less: registers run out
    using Tile = Swizzle<D * Element::PARTS>;
    static_assert(WARP_ROWS * WARPS_ == M && WARP_ROWS % 16 == 0 && N % 16 == 0 && D % 16 == 0, "tiles are whole mma steps");
    static_assert(!SPLIT || STAGES_ == 2, "split tiles are fetched a step ahead");

    const ForwardParams& p;
    VisibleKeys visible;
    int batch, head, first_query, warp, lane;
    unsigned int q_tile, k_tile, v_tile;  // shared addresses; stage s of K and V lies s * 2 * K_BYTES further
    const char* k_rows;
    const char* v_rows;
    unsigned int largest_slots;           // SPLIT: of Q, then of K and V of each stage
    float scale_log2;                     // of S as it is multiplied; SPLIT: but for the scale of K

    float o[M_TILES][O_TILES][4];
    SoftmaxRow rows[M_TILES][2];

    __device__ __forceinline__ ForwardSm80(const ForwardParams& params, char* shared, int b, int h, int m_block)
        : p(params), visible(params.problem, b), batch(b), head(h), first_query(m_block * M) {
        warp = threadIdx.x / 32;
        lane = threadIdx.x % 32;
        q_tile = shared_address(shared);
        k_tile = q_tile + Q_BYTES;
        v_tile = k_tile + K_BYTES;
        int kv_head = head / (p.problem.heads / p.problem.kv_heads);
        k_rows = static_cast<const char*>(p.k.data) + (batch * p.k.batch + kv_head * p.k.head) * BYTES;
        v_rows = static_cast<const char*>(p.v.data) + (batch * p.v.batch + kv_head * p.v.head) * BYTES;
        largest_slots = k_tile + STAGES_ * 2 * K_BYTES;
        scale_log2 = p.problem.scale * LOG2_E;
#pragma unroll
        for (int m = 0; m < M_TILES; ++m) {
            clear(o[m]);
            rows[m][0].reset();
            rows[m][1].reset();
        }
    }

    // Read afresh at the end, rather than held in registers that the main loop is short of.
    __device__ __forceinline__ void locate() {
        Place place(p.problem);
        batch = place.batch;
        head = place.head;
        first_query = place.m_block * M;
    }

    using Loader = TileLoader<N, D, THREADS, Element::PARTS>;
    using Split = TileSplit<Element, Loader, WARPS_>;
    using QueryLoader = TileLoader<M, D, THREADS, Element::PARTS>;

    __device__ __forceinline__ void load_q(const QueryLoader& loader) const {
        const char* q = static_cast<const char*>(p.q.data) +
                        (batch * p.q.batch + head * p.q.head + first_query * p.q.row) * BYTES;
        loader.load(q_tile, q, p.q.row * BYTES, p.problem.queries - first_query);
    }

    __device__ __forceinline__ unsigned int slots(int stage, int tensor) const {
        return largest_slots + (1 + 2 * stage + tensor) * Largest::BYTES;
    }

    __device__ __forceinline__ void load_k(const Loader& loader, int n, int stage) const {
        loader.load(k_tile + stage * 2 * K_BYTES, k_rows + n * N * p.k.row * BYTES, p.k.row * BYTES, visible.length - n * N);
    }

    __device__ __forceinline__ void load_v(const Loader& loader, int n, int stage) const {
        loader.load(v_tile + stage * 2 * K_BYTES, v_rows + n * N * p.v.row * BYTES, p.v.row * BYTES, visible.length - n * N);
    }

    // S = Q K^T of this warp's rows.
    __device__ __forceinline__ void scores(float (&s)[M_TILES][S_TILES][4], int stage) const {
        LaneAddress<D, Element::PARTS> q_lane(q_tile, warp * WARP_ROWS + lane % 16, lane / 16);
        LaneAddress<D, Element::PARTS> k_lane(k_tile + stage * 2 * K_BYTES, lane % 8 + lane / 16 * 8, lane / 8 % 2);
        q_lane.pin();
        k_lane.pin();
#pragma unroll
        for (int m = 0; m < M_TILES; ++m) clear(s[m]);
#pragma unroll QK_UNROLL
        for (int step = 0; step < D / 16; ++step) {
            Fragment a[M_TILES];
#pragma unroll
            for (int m = 0; m < M_TILES; ++m) a[m].load(q_lane, m, step);
#pragma unroll
            for (int n = 0; n < N / 16; ++n) {
                Fragment b;
                b.load(k_lane, n, step);
                multiply_rounded<Element>(s, n, a, b);
            }
        }
    }

    __device__ __forceinline__ int query_of(int m, int half) const {
        return first_query + warp * WARP_ROWS + m * 16 + half * 8 + lane / 4;
    }

    // With a bias the scores become scale * s + bias in the log2 domain, and the scale is not applied again.
    __device__ __forceinline__ void add_bias(float (&s)[M_TILES][S_TILES][4], int n_block, float scale) const {
        BiasReader<Element> bias(p.bias, p.problem.bias_is_float, batch, head);
#pragma unroll
        for (int m = 0; m < M_TILES; ++m) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                int query = query_of(m, i / 2);
                int limit = query < p.problem.queries ? visible.limit(query) : 0;
#pragma unroll
                for (int n = 0; n < S_TILES; ++n) {
                    int key = n_block * N + n * 8 + lane % 4 * 2 + i % 2;
                    float added = key < limit ? bias.at(query, key) * LOG2_E : 0.f;
                    s[m][n][i] = fmaf(s[m][n][i], scale, added);
                }
            }
        }
    }

    __device__ __forceinline__ void mask(float (&s)[M_TILES][S_TILES][4], int n_block) const {
#pragma unroll
        for (int m = 0; m < M_TILES; ++m) {
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                int limit = visible.limit(query_of(m, half)) - n_block * N - lane % 4 * 2;
#pragma unroll
                for (int n = 0; n < S_TILES; ++n) {
                    if (n * 8 >= limit) s[m][n][2 * half] = negative_infinity();
                    if (n * 8 + 1 >= limit) s[m][n][2 * half + 1] = negative_infinity();
                }
            }
        }
    }

    // Turns scores into weights, and rescales what was summed so far where a row's maximum moved.
    template <bool MASKED>
    __device__ __forceinline__ void softmax(float (&s)[M_TILES][S_TILES][4], float scale) {
#pragma unroll
        for (int m = 0; m < M_TILES; ++m) {
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                float c = BIAS_ ? 1.f : scale;
                SoftmaxRow& row = rows[m][half];
                float top = fmaxf(s[m][0][2 * half], s[m][0][2 * half + 1]);
#pragma unroll
                for (int n = 1; n < S_TILES; ++n) {
                    top = fmaxf(top, fmaxf(s[m][n][2 * half], s[m][n][2 * half + 1]));
                }
                top = __fmul_rn(quad_max(top), c);
                bool moves = top > row.maximum + RESCALE_THRESHOLD;  // also at the first finite score
                if (__any_sync(0xffffffffu, moves)) {
                    float old = row.maximum;
                    row.maximum = moves ? top : old;
                    float factor = exp2_fast(old - row.reference());
                    row.sum *= factor;
#pragma unroll
                    for (int d = 0; d < O_TILES; ++d) {
                        o[m][d][2 * half] *= factor;
                        o[m][d][2 * half + 1] *= factor;
                    }
                }
                float reference = MASKED || BIAS_ ? row.reference() : row.maximum;
                if (!BIAS_ && __any_sync(0xffffffffu, fabsf(reference) > WIDE_MAXIMUM)) {
                    // Round the products as the maximum was rounded; the fma below then only subtracts.
#pragma unroll
                    for (int n = 0; n < S_TILES; ++n) {
                        s[m][n][2 * half] = __fmul_rn(s[m][n][2 * half], c);
                        s[m][n][2 * half + 1] = __fmul_rn(s[m][n][2 * half + 1], c);
                    }
                    c = 1.f;
                }
                float sum = 0.f;
#pragma unroll
                for (int n = 0; n < S_TILES; ++n) {
#pragma unroll
                    for (int i = 2 * half; i < 2 * half + 2; ++i) {
                        s[m][n][i] = exp2_fast(fmaf(s[m][n][i], c, -reference));
                        sum += s[m][n][i];
                    }
                }
                row.sum += sum;
            }
        }
    }

    // Row sums and the log-sum-exp keep the dropped weights: dropout acts on the normalised weights.
    __device__ __forceinline__ void drop(float (&s)[M_TILES][S_TILES][4], int n_block) const {
        DropoutMask mask(p.problem, batch, head);
#pragma unroll
        for (int m = 0; m < M_TILES; ++m) {
#pragma unroll
            for (int n = 0; n < S_TILES; n += 2) {
                uint4 words = mask.patch(query_of(m, 0), n_block * N + n * 8 + lane % 4 * 2);
                if (!mask.keeps_low(words.x)) s[m][n][0] = 0.f;
                if (!mask.keeps_high(words.x)) s[m][n][1] = 0.f;
                if (!mask.keeps_low(words.y)) s[m][n + 1][0] = 0.f;
                if (!mask.keeps_high(words.y)) s[m][n + 1][1] = 0.f;
                if (!mask.keeps_low(words.z)) s[m][n][2] = 0.f;
                if (!mask.keeps_high(words.z)) s[m][n][3] = 0.f;
                if (!mask.keeps_low(words.w)) s[m][n + 1][2] = 0.f;
                if (!mask.keeps_high(words.w)) s[m][n + 1][3] = 0.f;
            }
        }
    }

    // O += P V; v_unit is the scale of split values.
    __device__ __forceinline__ void accumulate(float (&s)[M_TILES][S_TILES][4], int stage, float v_unit) {
        LaneAddress<D, Element::PARTS> v_lane(v_tile + stage * 2 * K_BYTES, lane % 16, lane / 16);
        v_lane.pin();
        if constexpr (SPLIT) {
            Fragment a[N / 16][M_TILES];
#pragma unroll
            for (int step = 0; step < N / 16; ++step) {
#pragma unroll
                for (int m = 0; m < M_TILES; ++m) {
                    a[step][m].pack(s[m][2 * step], s[m][2 * step + 1], WEIGHT_FACTOR);
                }
            }
            float unit = v_unit / WEIGHT_FACTOR;
#pragma unroll
            for (int d = 0; d < D / 16; ++d) {
                float sum[M_TILES][2][4];
#pragma unroll
                for (int step = 0; step < N / 16; ++step) {
                    Fragment b;
                    b.load_transposed(v_lane, step, d);
                    multiply<Element>(sum, 0, a[step], b, step == 0);
                }
#pragma unroll
                for (int m = 0; m < M_TILES; ++m) {
                    add_scaled(o[m][2 * d], sum[m][0], unit);
                    add_scaled(o[m][2 * d + 1], sum[m][1], unit);
                }
            }
        } else {
#pragma unroll
            for (int step = 0; step < N / 16; ++step) {
                Fragment a[M_TILES];
#pragma unroll
                for (int m = 0; m < M_TILES; ++m) a[m].pack(s[m][2 * step], s[m][2 * step + 1]);
#pragma unroll
                for (int d = 0; d < D / 16; ++d) {
                    Fragment b;
                    b.load_transposed(v_lane, step, d);
                    multiply<Element>(o, d, a, b);
                }
            }
        }
    }

    template <bool MASKED>
    __device__ __forceinline__ void step(const Loader& loader, int n) {
        int stage = STAGES_ == 2 ? n % 2 : 0;
        copy_async_wait<0>();
        Split k_split(loader, k_tile + stage * 2 * K_BYTES, slots(stage, 0));
        Split v_split(loader, v_tile + stage * 2 * K_BYTES, slots(stage, 1));
        __syncthreads();  // K(n) has landed (two stages: V(n) too), and nobody reads the tile filled next
        if (STAGES_ == 1) {
            load_v(loader, n, 0);
            copy_async_commit();
        } else if (n > 0) {
            load_k(loader, n - 1, stage ^ 1);
            load_v(loader, n - 1, stage ^ 1);
            copy_async_commit();
        }
        float scale = score_scale<Element>(scale_log2, k_split.split());
        float v_unit = v_split.split();
        if (SPLIT) {
            __syncthreads();  // K(n) and V(n) are split
            if (MASKED && n * N >= visible.limit(first_query + (warp + 1) * WARP_ROWS - 1)) return;
        }
        float s[M_TILES][S_TILES][4];
        scores(s, stage);
        if (STAGES_ == 1) {
            copy_async_wait<0>();
            __syncthreads();  // V(n) has landed, and all warps are done with K(n)
            if (n > 0) {
                load_k(loader, n - 1, 0);
                copy_async_commit();
            }
        }
        if (BIAS_) add_bias(s, n, scale);
        if (MASKED) mask(s, n);
        softmax<MASKED>(s, scale);
        if (DROPOUT_) drop(s, n);
        accumulate(s, stage, v_unit);
    }

    __device__ __forceinline__ void run() {
        int last_query = min(first_query + M, p.problem.queries) - 1;
        int blocks = tiles(visible.limit(last_query), N);
        int unmasked_blocks = visible.limit(first_query) / N;
        if (blocks > 0) {
            Loader loader(threadIdx.x, p.problem.head_dim);
            QueryLoader query_loader(threadIdx.x, p.problem.head_dim);
            load_q(query_loader);
            if (SPLIT) copy_async_commit();
            int last_stage = STAGES_ == 2 ? (blocks - 1) % 2 : 0;
            load_k(loader, blocks - 1, last_stage);
            if (STAGES_ == 2) load_v(loader, blocks - 1, last_stage);
            copy_async_commit();
            if constexpr (SPLIT) {
                copy_async_wait<1>();  // for Q
                TileSplit<Element, QueryLoader, WARPS_> q_split(query_loader, q_tile, largest_slots);
                __syncthreads();
                scale_log2 *= q_split.split();
            }
            int n = blocks - 1;
#pragma unroll 1
            for (; n >= unmasked_blocks; --n) step<true>(loader, n);
#pragma unroll 1
            for (; n >= 0; --n) step<false>(loader, n);
        }
        finish();
    }

    // Normalises, writes the log-sum-exp, and stores O through this warp's own rows of the Q tile: full 16-byte rows.
    __device__ __forceinline__ void finish() {
        __syncwarp();
        locate();
#pragma unroll
        for (int m = 0; m < M_TILES; ++m) {
            float inverse[2];
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                float sum = quad_sum(rows[m][half].sum);
                inverse[half] = sum == 0.f ? 0.f : reciprocal_fast(sum) * (DROPOUT_ ? p.problem.keep_scale : 1.f);
                int query = query_of(m, half);
                if (p.lse && lane % 4 == 0 && query < p.problem.queries) {
                    i64 index = (static_cast<i64>(batch) * p.problem.heads + head) * p.problem.queries + query;
                    p.lse[index] = log_sum_exp<SPLIT>(rows[m][half].maximum, sum);
                }
            }
#pragma unroll
            for (int d = 0; d < O_TILES; ++d) {
                int row = warp * WARP_ROWS + m * 16 + lane / 4;
                unsigned int at = q_tile + pair_offset<Element, D>(row, d, lane % 4);
                store_pair<Element>(at, o[m][d][0] * inverse[0], o[m][d][1] * inverse[0]);
                store_pair<Element>(at + 8 * Tile::PITCH, o[m][d][2] * inverse[1], o[m][d][3] * inverse[1]);
            }
        }
        __syncwarp();
        i64 origin = batch * p.o.batch + head * p.o.head;
        constexpr int CHUNKS = Tile::CHUNKS;
#pragma unroll
        for (int i = 0; i < WARP_ROWS * CHUNKS / 32; ++i) {
            int index = i * 32 + lane;
            int row = warp * WARP_ROWS + index / CHUNKS;
            int chunk = index % CHUNKS;
            int query = first_query + row;
            if (query < p.problem.queries && chunk * 16 < p.problem.head_dim * BYTES) {
                uint4 value = load_shared_16(q_tile + Tile::offset(row, chunk));
                char* target = static_cast<char*>(p.o.data) + (origin + query * p.o.row) * BYTES + chunk * 16;
                *reinterpret_cast<uint4*>(target) = value;
            }
        }
    }
};

template <class Element, int D, int M, int N, int WARPS_, int STAGES_, bool BIAS_, bool DROPOUT_>
__device__ __forceinline__ void forward_sm80(const ForwardParams& p, char* shared) {
    using Block = ForwardSm80<Element, D, M, N, WARPS_, STAGES_, BIAS_, DROPOUT_>;
    typename Block::Place place(p.problem);
    Block block(p, shared, place.batch, place.head, place.m_block);
    block.run();
}

}  // namespace flash
