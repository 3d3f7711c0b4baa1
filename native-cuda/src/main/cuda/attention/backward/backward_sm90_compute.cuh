// The consumers of the Hopper backward.
#pragma once

#include "attention/backward/backward_sm90_block.cuh"
#include "tile/store_sm90.cuh"

namespace flash {

// 64 keys of a tile; one warp group.
template <class Traits>
struct BackwardConsumer : BackwardBlock<Traits> {
    using BackwardBlock<Traits>::p;
    using BackwardBlock<Traits>::base;
    using Element = typename Traits::Element;
    using KPanels = typename Traits::KPanels;
    using TilePanels = typename Traits::TilePanels;
    using DsPanels = typename Traits::DsPanels;
    using Dq = typename Traits::Dq;
    static constexpr int D = Traits::D;
    static constexpr int M = Traits::M;
    static constexpr int N = Traits::N;
    static constexpr int K_UNITS = Traits::KV_BYTES / 16;  // descriptors count units of 16 bytes

    int consumer, warp, lane;
    float scale_log2;
    // Low words of the descriptors of this consumer's operands.
    unsigned int k_rows, k_columns, v_rows, q_tile, do_tile, ds_tile;
    unsigned int ds_address, stats;  // of this lane
    unsigned int count = 0, used = 0, number = 0;  // steps, tiles with steps, tiles
    bool pending = false;                          // dQ of the last step is still to be computed
    unsigned int k_now, k_last;                    // units to the K of this step and of the last one
    float dk[D / 2], dv[D / 2], dq[Dq::REGISTERS];
    float s[M / 2], dp[M / 2];          // S^T and dP^T
    unsigned int w[M / 4], ds[M / 4];  // P^T and dS^T as elements

    __device__ __forceinline__ BackwardConsumer(const BackwardParams& params, unsigned int memory, int which)
        : BackwardBlock<Traits>(params, memory),
          consumer(which),
          warp(threadIdx.x / 32 % 4),
          lane(threadIdx.x % 32),
          scale_log2(params.problem.scale * LOG2_E) {
        unsigned int k = base + Traits::K, v = base + Traits::V, ds_panel = Dq::row(consumer) / 64;
        k_rows = KPanels::descriptor(k + consumer * 64 * Traits::K_SWIZZLE, N);
        k_columns = KPanels::descriptor(k + Dq::column(consumer) / KPanels::COLUMNS * (N * Traits::K_SWIZZLE), N);
        v_rows = TilePanels::descriptor(v + consumer * 64 * Traits::SWIZZLE, N);
        q_tile = TilePanels::descriptor(base + Traits::Q, M);
        do_tile = TilePanels::descriptor(base + Traits::DO, M);
        ds_tile = DsPanels::descriptor(base + Traits::DS + ds_panel * (N * 128), N);
        ds_address = base + Traits::DS + (consumer * 64 + warp * 16 + lane % 16) * 128;
        stats = base + Traits::STATS + lane % 4 * 8;
    }

    // result[64 keys x M queries] = keys * queries^T
    template <class Panels>
    static __device__ __forceinline__ void times_queries(float (&result)[M / 2], unsigned int keys, unsigned int queries) {
#pragma unroll
        for (int step = 0; step < D / 16; ++step) {
            Wgmma<Element, M>::template shared<0, 0>(result, Panels::HIGH | (keys + Panels::along(step, N)),
                                                     TilePanels::HIGH | (queries + TilePanels::along(step, M)), step > 0);
        }
    }

    // result[64 keys x D] += weights[64 keys x M queries] * queries
    static __device__ __forceinline__ void accumulate(float (&result)[D / 2], const unsigned int (&weights)[M / 4],
                                                      unsigned int queries) {
#pragma unroll
        for (int step = 0; step < M / 16; ++step) {
            Wgmma<Element, D>::template registers<1>(result, weights + 4 * step,
                                                     TilePanels::HIGH | (queries + TilePanels::across(step)), 1);
        }
    }

    // This consumer's half of dQ of the last step = dS * K
    __device__ __forceinline__ void start_query_gradients() {
        unsigned int ds_last = ds_tile + Traits::stage(count + 1) * (Traits::DS_BYTES / 16);
        wgmma_fence();
#pragma unroll
        for (int step = 0; step < N / 16; ++step) {
            Wgmma<Element, Dq::COLUMNS>::template shared<1, 1>(dq, DsPanels::HIGH | (ds_last + DsPanels::across(step)),
                                                               KPanels::HIGH | (k_columns + k_last + KPanels::across(step)),
                                                               step > 0);
        }
        wgmma_commit();
    }

    // Until the other consumer's dS of the last step is complete; its own four warps meet here too.
    __device__ __forceinline__ void await_last_ds() const {
        named_barrier_sync(Traits::DS_WRITTEN + 2 * ((count + 1) % 2) + (consumer ^ 1), Traits::CONSUMER_THREADS);
    }

    // To the warp that adds it to the accumulator.
    __device__ __forceinline__ void put_query_gradients() const {
        unsigned int target = base + Traits::DQ + consumer * Dq::BYTES + threadIdx.x % 128 * 16;
        named_barrier_sync(Traits::DQ_EMPTY + consumer, 128 + 32);
#pragma unroll
        for (int i = 0; i < Dq::REGISTERS / 4; ++i) {
            asm volatile("st.shared.v4.f32 [%0], {%1, %2, %3, %4};" ::"r"(target + i * 2048), "f"(dq[4 * i]),
                         "f"(dq[4 * i + 1]), "f"(dq[4 * i + 2]), "f"(dq[4 * i + 3])
                         : "memory");
        }
        async_fence();
        named_barrier_arrive(Traits::DQ_FULL + consumer, 128 + 32);
    }

    // dS^T as it lies in the registers, [N keys][M queries] in panels of 64 queries.
    __device__ __forceinline__ void put_score_gradients() const {
        unsigned int address = ds_address + Traits::stage(count) * Traits::DS_BYTES;
        int here = threadIdx.x % 32;
#pragma unroll
        for (int step = 0; step < M / 16; ++step) {
            unsigned int chunk = ((step % 4 * 2 + here / 16) ^ (here & 7)) * 16;
            store_matrix_x4(address + step / 4 * (N * 128) + chunk, ds[4 * step], ds[4 * step + 1], ds[4 * step + 2],
                            ds[4 * step + 3]);
        }
        async_fence();
    }

    // Rows of K and V beyond the row's length hold anything: they are made zero, so that NaN there does not spread.
    __device__ __forceinline__ void clear_unused_keys(int first_unused) const {
        constexpr int CHUNKS = D / 8;
        int thread = pinned(threadIdx.x) - 128;  // nothing of this is to occupy registers through the steps
#pragma unroll 1
        for (int i = thread; i < (N - first_unused) * CHUNKS; i += Traits::CONSUMER_THREADS) {
            int row = first_unused + i / CHUNKS, chunk = i % CHUNKS;
            store_shared_zero_16(base + Traits::K + k_now * 16 + KPanels::offset(row, chunk, N));
            store_shared_zero_16(base + Traits::V + TilePanels::offset(row, chunk, N));
        }
        async_fence();
        named_barrier_sync(Traits::CONSUMERS_MEET, Traits::CONSUMER_THREADS);
    }

    // Hides what the queries of tile m do not see.
    __device__ __forceinline__ void mask(int m) {
        KeyTile tile = this->tile(number);
        VisibleKeys visible(p.problem, tile.batch);
        int first_query = m * M + lane % 4 * 2;
        int hidden[2];  // queries from the lane's first on that do not see its two keys
#pragma unroll
        for (int row = 0; row < 2; ++row) {
            int key = tile.n_block * N + consumer * 64 + warp * 16 + lane / 4 + 8 * row;
            hidden[row] = key < visible.length ? visible.first_query(key) - first_query : M;
        }
#pragma unroll
        for (int i = 0; i < M / 2; ++i) {
            if (i / 4 * 8 + i % 2 < hidden[i / 2 % 2]) s[i] = negative_infinity();
        }
    }

    // P^T from S^T.
    __device__ __forceinline__ void weights(unsigned int lse) {
#pragma unroll
        for (int j = 0; j < M / 8; ++j) {
            float2 l = load_shared_float2(lse + 32 * j);
#pragma unroll
            for (int i = 2 * j; i < 2 * j + 2; ++i) {
                w[i] = Element::pack(exp2_fast(fmaf(s[2 * i], scale_log2, -l.x)),
                                     exp2_fast(fmaf(s[2 * i + 1], scale_log2, -l.y)));
            }
        }
    }

    // dS^T = P^T (dP^T - dot). P comes rounded to elements: half the registers, and dS is rounded next anyway.
    __device__ __forceinline__ void score_gradients(unsigned int dot) {
#pragma unroll
        for (int j = 0; j < M / 8; ++j) {
            float2 x = load_shared_float2(dot + 32 * j);
#pragma unroll
            for (int i = 2 * j; i < 2 * j + 2; ++i) {
                float2 weight = Element::unpack(w[i]);
                ds[i] = Element::pack(weight.x * (dp[2 * i] - x.x), weight.y * (dp[2 * i + 1] - x.y));
            }
        }
    }

    // One query tile. dK is left in flight.
    __device__ __forceinline__ void step(int m, bool masked) {
        unsigned int now = Traits::stage(count);
        unsigned int q_now = q_tile + now * (Traits::Q_BYTES / 16);
        unsigned int do_now = do_tile + now * (Traits::Q_BYTES / 16);
        unsigned int stats_now = stats + now * Traits::STATS_BYTES;
        bool first = k_last != k_now;  // of the tile

        barrier_wait(base + Traits::Q_FULL + 8 * now, Traits::parity(count));
        named_barrier_sync(Traits::TURN + consumer, Traits::CONSUMER_THREADS);
        wgmma_fence();
        times_queries<KPanels>(s, k_rows + k_now, q_now);
        wgmma_commit();
        wgmma_wait<1>();  // dK of the last step
        if (first) {
            barrier_wait(base + Traits::V_FULL, used % 2);
        } else {
            this->release(base + Traits::Q_EMPTY + 8 * (now ^ 1));
        }
        barrier_wait(base + Traits::DO_FULL + 8 * now, Traits::parity(count));
        wgmma_fence();
        times_queries<TilePanels>(dp, v_rows, do_now);
        wgmma_commit();
        wgmma_wait<1>();
        hold(s);
        if (masked) mask(m);
        weights(stats_now);

        wgmma_fence();
        accumulate(dv, w, do_now);
        wgmma_commit();
        named_barrier_arrive(Traits::TURN + (consumer ^ 1), Traits::CONSUMER_THREADS);
        wgmma_wait<1>();
        hold(dp);
        score_gradients(stats_now + 4 * M);

        // A product on one branch only would make the assembler serialise them all: without a last step its dQ is of
        // anything, and not used.
        if (pending) await_last_ds();
        start_query_gradients();
        wgmma_fence();
        accumulate(dk, ds, q_now);
        wgmma_commit();
        put_score_gradients();
        wgmma_wait<1>();
        hold(dq);
        named_barrier_arrive(Traits::DS_WRITTEN + 2 * (count % 2) + consumer, Traits::CONSUMER_THREADS);
        this->release(base + Traits::DO_EMPTY + 8 * now);
        if (pending) {
            put_query_gradients();
            if (first) this->release(base + Traits::K_EMPTY + 8 * ((used + 1) % Traits::K_STAGES));
        }
        k_last = k_now;
        pending = true;
        ++count;
    }

    __device__ __forceinline__ void steps(const KeyTile& tile) {
        k_now = used % Traits::K_STAGES * K_UNITS;
        barrier_wait(base + Traits::K_FULL + 8 * (used % Traits::K_STAGES), used / Traits::K_STAGES % 2);
        int first_key = tile.n_block * N;
        VisibleKeys visible(p.problem, tile.batch);
        if (visible.length - first_key < N) {
            barrier_wait(base + Traits::V_FULL, used % 2);
            clear_unused_keys(visible.length - first_key);
        }
        // Query tiles from this one on see all keys.
        int unmasked = first_key + N > visible.length ? 1 << 30 : tiles(visible.first_query(first_key + N - 1), M);
        int m = this->m_blocks() - 1, m_begin = tile.m_begin;
        int left = (this->m_blocks() - m_begin) * this->group();
#pragma unroll 1
        do {
            step(m, m < unmasked);
            if (--m < m_begin) m = this->m_blocks() - 1;
        } while (--left > 0);
        wgmma_wait<0>();
        hold(dk);
        hold(dv);
        this->release(base + Traits::Q_EMPTY + 8 * Traits::stage(count + 1));
        this->release(base + Traits::V_EMPTY);
        ++used;
    }

    // dQ of the last step, if no other step follows at once in which to compute it.
    __device__ __forceinline__ void finish_last_step() {
        await_last_ds();
        start_query_gradients();
        wgmma_wait<0>();
        hold(dq);
        put_query_gradients();
        this->release(base + Traits::K_EMPTY + 8 * ((used + 1) % Traits::K_STAGES));
        pending = false;
    }

    __device__ __forceinline__ void store(const View& view, const float (&gradient)[D / 2], float factor) const {
        KeyTile tile = this->tile(number);  // not held in registers through the steps
        VisibleKeys visible(p.problem, tile.batch);
        int first = tile.n_block * N + consumer * 64;
        char* target = static_cast<char*>(view.data) +
                       (tile.batch * view.batch + tile.kv_head * view.head + first * view.row) * 2;
        store_accumulators<Element, D>(gradient, factor, target, view.row * 2, visible.length - first,
                                       p.problem.keys - first, p.problem.head_dim);
    }

    __device__ __forceinline__ void run() {
        if (consumer == 1) named_barrier_arrive(Traits::TURN, Traits::CONSUMER_THREADS);
        for (;; ++number) {
            KeyTile tile = this->await_tile(number);
            bool end = tile.batch < 0;
            bool empty = !end && tile.m_begin == this->m_blocks();
            k_last = (used + 1) % Traits::K_STAGES * K_UNITS;
            if (pending && (end || empty)) finish_last_step();  // the adder waits for it and would get behind
            if (end) break;
#pragma unroll
            for (int i = 0; i < D / 2; ++i) dk[i] = dv[i] = 0.f;
            if (!empty) steps(tile);
            store(p.dk, dk, p.problem.scale);
            store(p.dv, dv, 1.f);
            this->release_tile(number);
        }
    }
};

}  // namespace flash
