// What the warp groups of a block of the sm_90 forward share: its jobs, its shared memory, its registers.
#pragma once

#include "attention/params.cuh"
#include "tile/tma_sm90.cuh"
#include "tile/wgmma_sm90.cuh"

namespace flash {

// Boxes of one panel: 64 rows of Q and O, BLOCK_N rows of K and V.
struct ForwardMaps {
    TensorMap q;  // [B, Hq, T, D]
    TensorMap k;  // [B, Hkv, F, D]
    TensorMap v;  // [B, Hkv, F, D]
    TensorMap o;  // [B, Hq, T, D]
};

// 64 * GROUPS queries of one head, in shared memory.
struct ForwardJob {
    int batch;
    int head;
    int kv_head;
    int first_query;
    int blocks;  // of keys; negative: there are no more jobs
    int length;
    int causal_shift;
    int reserved;
};  // 32 bytes

// K and V of the heads that are worked on at the same time should stay in the L2 cache.
constexpr i64 SECTION_BYTES = 32 << 20;

template <class Element_, int D_, int BLOCK_N_, int GROUPS_, int Q_STAGES_, int KV_STAGES_>
struct ForwardSm90 {
    using Element = Element_;
    static constexpr int D = D_;
    static constexpr int N = BLOCK_N_;
    static constexpr int GROUPS = GROUPS_;
    static constexpr int M = 64 * GROUPS;
    static constexpr int Q_STAGES = Q_STAGES_;
    static constexpr int KV_STAGES = KV_STAGES_;
    using Tile = Panels<D % 64 == 0 ? 128 : 64>;
    static constexpr int PANELS = D / Tile::COLUMNS;
    static constexpr int Q_GROUP_BYTES = 64 * D * 2;  // queries of one consumer
    static constexpr int Q_BYTES = GROUPS * Q_GROUP_BYTES;
    static constexpr int KV_BYTES = N * D * 2;
    static constexpr int CONSUMER_REGISTERS = GROUPS == 3 ? 160 : 240;
    static constexpr int PRODUCER_REGISTERS = GROUPS == 3 ? 32 : 24;
    static constexpr int TURN = 1;  // named barriers TURN..TURN + GROUPS - 1
    static_assert(D % 32 == 0 && N % 16 == 0 && GROUPS >= 2 && GROUPS <= 3, "whole panels and steps, registers suffice");

    // Offsets into shared memory.
    static constexpr int Q = 0;
    static constexpr int K = Q + Q_STAGES * Q_BYTES;
    static constexpr int V = K + KV_STAGES * KV_BYTES;
    static constexpr int JOBS = V + KV_STAGES * KV_BYTES;
    static constexpr int LSE = JOBS + Q_STAGES * sizeof(ForwardJob);
    static constexpr int Q_FULL = LSE + Q_STAGES * M * 4;
    static constexpr int Q_EMPTY = Q_FULL + 8 * Q_STAGES;
    static constexpr int O_FULL = Q_EMPTY + 8 * Q_STAGES;
    static constexpr int K_FULL = O_FULL + 8 * GROUPS;
    static constexpr int K_EMPTY = K_FULL + 8 * KV_STAGES;
    static constexpr int V_FULL = K_EMPTY + 8 * KV_STAGES;
    static constexpr int V_EMPTY = V_FULL + 8 * KV_STAGES;
    static constexpr int V_LANDED = V_EMPTY + 8 * KV_STAGES;
    static constexpr int SHARED_BYTES = V_LANDED + 8;

    // Place in a ring: stage and the parity its full barrier has when the stage is filled.
    template <int STAGES>
    struct Ring {
        unsigned int count = 0;
        __device__ __forceinline__ void next() { ++count; }
        __device__ __forceinline__ Ring following() const { return {count + 1}; }
        __device__ __forceinline__ unsigned int stage() const { return count % STAGES; }
        __device__ __forceinline__ unsigned int parity() const { return count / STAGES % 2; }
    };
};

}  // namespace flash
