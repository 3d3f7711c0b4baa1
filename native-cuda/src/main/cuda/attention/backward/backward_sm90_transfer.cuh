// The producer of the Hopper backward: loads, and additions to dQ.
#pragma once

#include "attention/backward/backward_sm90_block.cuh"

namespace flash {

// Chooses tiles and loads what they need; one thread each for K and Q, for V and dO.
template <class Traits>
struct BackwardLoader : BackwardBlock<Traits> {
    using BackwardBlock<Traits>::p;
    using BackwardBlock<Traits>::base;
    static constexpr int M = Traits::M;
    static constexpr int N = Traits::N;

    const BackwardMaps& maps;
    int* next_tile;  // in global memory, zero on entry: tiles claimed beyond the first of each block

    __device__ __forceinline__ BackwardLoader(const BackwardParams& params, const BackwardMaps& tensor_maps, int* counter,
                                              unsigned int memory)
        : BackwardBlock<Traits>(params, memory), maps(tensor_maps), next_tile(counter) {}

    // Tiles are ordered by sections of heads, within one from the first keys (under a causal rule the longest work) to the
    // last.
    __device__ __forceinline__ KeyTile choose(int index) const {
        const Problem& problem = p.problem;
        int n_blocks = tiles(pinned(problem.keys), N);
        int heads = pinned(problem.batch) * problem.kv_heads;
        int section = 1;
        if (problem.visibility != VISIBLE_ALL) {
            int rows = pinned(problem.queries) * (pinned(problem.heads) / problem.kv_heads);
            section = min(max(Traits::SECTION_ROWS / rows, 1), heads);
        }
        int first_head = index / (section * n_blocks) * section;
        index -= first_head * n_blocks;
        section = min(section, heads - first_head);
        int head = first_head + index % section;
        KeyTile tile;
        tile.batch = head / problem.kv_heads;
        tile.kv_head = head % problem.kv_heads;
        tile.n_block = index / section;
        int first_key = tile.n_block * N;
        VisibleKeys visible(problem, tile.batch);
        tile.m_begin = this->m_blocks();
        if (first_key < visible.length) tile.m_begin = min(tile.m_begin, visible.first_query(first_key) / M);
        return tile;
    }

    __device__ __forceinline__ int tile_count() const {
        return pinned(p.problem.keys + N - 1) / N * p.problem.kv_heads * p.problem.batch;
    }

    __device__ __forceinline__ void put_tile(const KeyTile& tile, unsigned int number) const {
        unsigned int slot = number % Traits::SLOTS;
        barrier_wait(base + Traits::TILE_EMPTY + 8 * slot, number / Traits::SLOTS % 2 ^ 1);
        asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(base + Traits::TILES + 16 * slot), "r"(tile.batch),
                     "r"(tile.kv_head), "r"(tile.n_block), "r"(tile.m_begin)
                     : "memory");
        barrier_arrive(base + Traits::TILE_FULL + 8 * slot);
    }

    template <class Panels>
    static __device__ __forceinline__ void load_panels(unsigned int target, const TensorMap* map, unsigned int full,
                                                       int rows, int row, int head, int batch) {
#pragma unroll
        for (int panel = 0; panel < Traits::D / Panels::COLUMNS; ++panel) {
            tensor_load(target + panel * rows * Panels::COLUMNS * 2, map, full, panel * Panels::COLUMNS, row, head, batch);
        }
    }

    __device__ __forceinline__ void load_k(const KeyTile& tile, unsigned int used) const {
        unsigned int full = base + Traits::K_FULL + 8 * (used % Traits::K_STAGES);
        barrier_wait(full + (Traits::K_EMPTY - Traits::K_FULL), used / Traits::K_STAGES % 2 ^ 1);
        barrier_arrive_expect(full, Traits::KV_BYTES);
        unsigned int target = base + Traits::K + used % Traits::K_STAGES * Traits::KV_BYTES;
        load_panels<typename Traits::KPanels>(target, &maps.k, full, N, tile.n_block * N, tile.kv_head, tile.batch);
    }

    __device__ __forceinline__ void load_v(const KeyTile& tile, unsigned int used) const {
        unsigned int full = base + Traits::V_FULL;
        barrier_wait(base + Traits::V_EMPTY, used % 2 ^ 1);
        barrier_arrive_expect(full, Traits::KV_BYTES);
        load_panels<typename Traits::TilePanels>(base + Traits::V, &maps.v, full, N, tile.n_block * N, tile.kv_head,
                                                 tile.batch);
    }

    __device__ __forceinline__ void load_q(int batch, int head, int m, unsigned int count) const {
        unsigned int s = Traits::stage(count);
        unsigned int full = base + Traits::Q_FULL + 8 * s;
        barrier_wait(full + (Traits::Q_EMPTY - Traits::Q_FULL), Traits::parity(count) ^ 1);
        barrier_arrive_expect(full, Traits::Q_BYTES + Traits::STATS_BYTES);
        load_panels<typename Traits::TilePanels>(base + Traits::Q + s * Traits::Q_BYTES, &maps.q, full, M, m * M, head,
                                                 batch);
        int m_index = (batch * p.problem.heads + head) * this->m_blocks() + m;
        bulk_load(base + Traits::STATS + s * Traits::STATS_BYTES, p.row_stats + static_cast<i64>(m_index) * (2 * M),
                  Traits::STATS_BYTES, full);
    }

    __device__ __forceinline__ void load_do(int batch, int head, int m, unsigned int count) const {
        unsigned int s = Traits::stage(count);
        unsigned int full = base + Traits::DO_FULL + 8 * s;
        barrier_wait(full + (Traits::DO_EMPTY - Traits::DO_FULL), Traits::parity(count) ^ 1);
        barrier_arrive_expect(full, Traits::Q_BYTES);
        load_panels<typename Traits::TilePanels>(base + Traits::DO + s * Traits::Q_BYTES, &maps.d_o, full, M, m * M, head,
                                                 batch);
    }

    __device__ __forceinline__ void run_k_and_q() const {
        unsigned int count = 0, number = 0, used = 0;  // steps, tiles, tiles with steps
        for (int index = blockIdx.x; index < tile_count(); index = grid_size() + atomicAdd(next_tile, 1)) {
            KeyTile tile = choose(index);
            put_tile(tile, number++);
            if (tile.m_begin == this->m_blocks()) continue;
            load_k(tile, used++);
            int end = (tile.kv_head + 1) * this->group();
#pragma unroll 1
            for (int head = end - this->group(); head < end; ++head) {
#pragma unroll 1
                for (int m = this->m_blocks() - 1; m >= tile.m_begin; --m) load_q(tile.batch, head, m, count++);
            }
        }
        put_tile(KeyTile{-1, 0, 0, 0}, number);
    }

    __device__ __forceinline__ void run_v_and_do() const {
        unsigned int count = 0, number = 0, used = 0;
        for (KeyTile tile; (tile = this->await_tile(number)).batch >= 0; ++number) {
            barrier_arrive(base + Traits::TILE_EMPTY + 8 * (number % Traits::SLOTS));
            if (tile.m_begin == this->m_blocks()) continue;
            load_v(tile, used++);
            int end = (tile.kv_head + 1) * this->group();
#pragma unroll 1
            for (int head = end - this->group(); head < end; ++head) {
#pragma unroll 1
                for (int m = this->m_blocks() - 1; m >= tile.m_begin; --m) load_do(tile.batch, head, m, count++);
            }
        }
    }
};

// Adds what the consumers computed of dQ to the accumulator; one warp.
template <class Traits>
struct BackwardAdder : BackwardBlock<Traits> {
    using BackwardBlock<Traits>::p;
    using BackwardBlock<Traits>::base;
    using Dq = typename Traits::Dq;

    __device__ __forceinline__ BackwardAdder(const BackwardParams& params, unsigned int memory)
        : BackwardBlock<Traits>(params, memory) {}

    // Deterministic dQ: key tiles add to a query tile from the first to the last. A tile waits only for tiles that were
    // claimed before it, and each block adds in the order of its claims.
    __device__ __forceinline__ void await_turn(int m_index, int n_block) const {
        int now;
        do {
            asm volatile("ld.acquire.gpu.global.b32 %0, [%1];" : "=r"(now) : "l"(p.dq_turn + m_index) : "memory");
        } while (now != n_block);
        global_async_fence();
    }

    __device__ __forceinline__ void pass_turn(int m_index, int n_block) const {
        bulk_wait<0>();
        global_async_fence();
        asm volatile("st.release.gpu.global.b32 [%0], %1;" ::"l"(p.dq_turn + m_index), "r"(n_block + 1) : "memory");
    }

    __device__ __forceinline__ void add(int m_index, int n_block) const {
#pragma unroll
        for (int consumer = 0; consumer < Traits::CONSUMERS; ++consumer) {
            named_barrier_sync(Traits::DQ_FULL + consumer, 128 + 32);
            if (threadIdx.x % 32 == 0) {
                if (consumer == 0 && p.dq_turn) await_turn(m_index, n_block);
                float* target = p.dq_accum + static_cast<i64>(m_index) * (Traits::M * Traits::D);
                bulk_add(target + consumer * (Dq::BYTES / 4), base + Traits::DQ + consumer * Dq::BYTES, Dq::BYTES);
                bulk_commit();
                bulk_wait_read<0>();
                if (consumer == 1 && p.dq_turn) pass_turn(m_index, n_block);
            }
            __syncwarp();
            named_barrier_arrive(Traits::DQ_EMPTY + consumer, 128 + 32);
        }
    }

    __device__ __forceinline__ void run() const {
        named_barrier_arrive(Traits::DQ_EMPTY, 128 + 32);
        named_barrier_arrive(Traits::DQ_EMPTY + 1, 128 + 32);
        unsigned int number = 0;
        for (KeyTile tile; (tile = this->await_tile(number)).batch >= 0; ++number) {
            this->release_tile(number);
            int end = (tile.batch * p.problem.kv_heads + tile.kv_head + 1) * this->group();
#pragma unroll 1
            for (int head = end - this->group(); head < end; ++head) {
#pragma unroll 1
                for (int m = this->m_blocks() - 1; m >= tile.m_begin; --m) add(head * this->m_blocks() + m, tile.n_block);
            }
        }
    }
};

}  // namespace flash
