// The Hopper backward's tiles, its shared memory, and how tiles are handed around in a block.
#pragma once

#include "attention/backward/layout_sm90.cuh"
#include "attention/params.cuh"
#include "attention/visibility.cuh"
#include "tile/math.cuh"
#include "tile/tma_sm90.cuh"
#include "tile/wgmma_sm90.cuh"

namespace flash {

// Boxes of one panel: BLOCK_M rows of Q and dO, 128 rows of K and V. The panels of K may be narrower, see K_SWIZZLE.
struct BackwardMaps {
    TensorMap q;    // [B, Hq, T, D]
    TensorMap d_o;  // [B, Hq, T, D]
    TensorMap k;    // [B, Hkv, F, D]
    TensorMap v;    // [B, Hkv, F, D]
};

// 128 keys of one key head. Of each head of the group the query tiles from m_begin on see some of them; they are walked
// from the last to the first.
struct KeyTile {
    int batch;  // negative: there are no more tiles
    int kv_head;
    int n_block;
    int m_begin;
};

template <class Element_, int D_, int M_>
struct BackwardSm90 {
    using Element = Element_;
    static constexpr int D = D_;
    static constexpr int M = M_;
    static constexpr int N = 128;
    static constexpr int CONSUMERS = 2;
    static constexpr int CONSUMER_THREADS = 128 * CONSUMERS;
    static constexpr int STAGES = 2;    // of Q with its statistics, dO and dS
    static constexpr int K_STAGES = 2;  // the last dQ of a tile is computed in the first step of the next
    static constexpr int SLOTS = 2;     // for tiles that were chosen
    static constexpr int CONSUMER_REGISTERS = 240;
    static constexpr int PRODUCER_REGISTERS = 24;  // together what 384 threads were launched with: 3 * 168
    using Dq = DqShare<D, M>;

    static __host__ __device__ constexpr int panel_bytes(int columns) {
        return columns % 64 == 0 ? 128 : columns % 32 == 0 ? 64 : 32;
    }
    static constexpr int K_SWIZZLE = panel_bytes(Dq::COLUMNS);  // a consumer's columns of dQ are whole panels of K
    static constexpr int SWIZZLE = panel_bytes(D);
    using KPanels = Panels<K_SWIZZLE>;
    using TilePanels = Panels<SWIZZLE>;
    using DsPanels = Panels<128>;
    static constexpr int KV_BYTES = N * D * 2;
    static constexpr int Q_BYTES = M * D * 2;
    static constexpr int DS_BYTES = N * M * 2;
    static constexpr int STATS_BYTES = 8 * M;
    static_assert(M % 64 == 0 && M <= 128 && D % 32 == 0, "dS^T is whole panels of 64 queries");

    // Of Q, dO and dQ of the heads that are worked on at the same time: they should stay in the L2 cache.
    static constexpr int SECTION_ROWS = (32 << 20) / (D * 8);

    // Offsets into shared memory.
    static constexpr int K = 0;
    static constexpr int V = K + K_STAGES * KV_BYTES;
    static constexpr int Q = V + KV_BYTES;
    static constexpr int DO = Q + STAGES * Q_BYTES;
    static constexpr int DS = DO + STAGES * Q_BYTES;
    static constexpr int DQ = DS + STAGES * DS_BYTES;
    static constexpr int STATS = DQ + CONSUMERS * Dq::BYTES;
    static constexpr int K_FULL = STATS + STAGES * STATS_BYTES;
    static constexpr int K_EMPTY = K_FULL + 8 * K_STAGES;
    static constexpr int V_FULL = K_EMPTY + 8 * K_STAGES;
    static constexpr int V_EMPTY = V_FULL + 8;
    static constexpr int Q_FULL = V_EMPTY + 8;
    static constexpr int Q_EMPTY = Q_FULL + 8 * STAGES;
    static constexpr int DO_FULL = Q_EMPTY + 8 * STAGES;
    static constexpr int DO_EMPTY = DO_FULL + 8 * STAGES;
    static constexpr int TILE_FULL = DO_EMPTY + 8 * STAGES;
    static constexpr int TILE_EMPTY = TILE_FULL + 8 * SLOTS;
    static constexpr int TILES = TILE_EMPTY + 8 * SLOTS;
    static constexpr int SHARED_BYTES = TILES + SLOTS * sizeof(KeyTile);

    // Named barriers; but for the first there is one for each consumer, or two.
    static constexpr int CONSUMERS_MEET = 1;
    static constexpr int DS_WRITTEN = 2;  // 2 * (step % 2) + consumer: a consumer may be a step ahead of the other
    static constexpr int DQ_FULL = 6;
    static constexpr int DQ_EMPTY = 8;
    static constexpr int TURN = 10;

    static __device__ __forceinline__ unsigned int stage(unsigned int count) { return count % STAGES; }
    static __device__ __forceinline__ unsigned int parity(unsigned int count) { return count / STAGES % 2; }
};

// What all warps of a block know, and the tiles that one of them hands to the others.
template <class Traits>
struct BackwardBlock : Traits {
    const BackwardParams& p;
    unsigned int base;  // of shared memory

    __device__ __forceinline__ BackwardBlock(const BackwardParams& params, unsigned int memory)
        : p(params), base(memory) {}

    // Pinned: computed where it is used, since the producer's registers are few.
    __device__ __forceinline__ int group() const { return pinned(p.problem.heads) / p.problem.kv_heads; }
    __device__ __forceinline__ int m_blocks() const { return tiles(p.problem.queries, Traits::M); }

    __device__ __forceinline__ KeyTile tile(unsigned int number) const {
        uint4 x = load_shared_16(base + Traits::TILES + sizeof(KeyTile) * (number % Traits::SLOTS));
        return {static_cast<int>(x.x), static_cast<int>(x.y), static_cast<int>(x.z), static_cast<int>(x.w)};
    }

    __device__ __forceinline__ KeyTile await_tile(unsigned int number) const {
        barrier_wait(base + Traits::TILE_FULL + 8 * (number % Traits::SLOTS), number / Traits::SLOTS % 2);
        return tile(number);
    }

    // One arrival of this warp.
    static __device__ __forceinline__ void release(unsigned int barrier) {
        if (threadIdx.x % 32 == 0) barrier_arrive(barrier);
    }

    __device__ __forceinline__ void release_tile(unsigned int number) const {
        __syncwarp();
        release(base + Traits::TILE_EMPTY + 8 * (number % Traits::SLOTS));
    }
};

}  // namespace flash
