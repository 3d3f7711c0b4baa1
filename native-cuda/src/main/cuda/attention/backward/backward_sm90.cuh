// Attention backward on TMA and wgmma (sm_90a): dK and dV of key tiles, and their shares of dQ.
//
// A block holds one producer warp group and two consumer warp groups of 64 keys each, and works through tiles of 128 keys
// of one key head; for each it walks over all query tiles of all query heads of the group, so dK and dV need no atomics.
// Everything is computed transposed: S^T = K Q^T and dP^T = V dO^T have keys as rows, so P^T and dS^T are, repacked, the
// register operands of dV += P^T dO and dK += dS^T Q. Only dS^T passes through shared memory, for dQ = dS K, which needs
// the dS of all keys of the tile; each consumer computes half of dQ, one step late, so that neither waits for the other.
// Consumers take turns: one starts Q K^T and dO V^T when the other has started dV, half a step apart.
//
// The producer's warps: one chooses the tiles and loads K, Q and the row statistics, one loads V and dO, one adds dQ to the
// accumulator.
#pragma once

#include "attention/backward/backward_sm90_compute.cuh"
#include "attention/backward/backward_sm90_transfer.cuh"
#include "tile/launch_sm90.cuh"

namespace flash {

template <class Traits>
__device__ __forceinline__ void backward_sm90(const BackwardParams& p, const BackwardMaps& maps, int* next_tile,
                                              char* shared) {
    unsigned int base = shared_address(shared);
    if (threadIdx.x == 0) {
        constexpr int WARPS = 4 * Traits::CONSUMERS;
        barrier_init(base + Traits::V_FULL, 1);
        barrier_init(base + Traits::V_EMPTY, WARPS);
        for (int i = 0; i < Traits::K_STAGES; ++i) {
            barrier_init(base + Traits::K_FULL + 8 * i, 1);
            barrier_init(base + Traits::K_EMPTY + 8 * i, WARPS);
        }
        for (int i = 0; i < Traits::SLOTS; ++i) {
            barrier_init(base + Traits::TILE_FULL + 8 * i, 1);
            barrier_init(base + Traits::TILE_EMPTY + 8 * i, WARPS + 2);  // and the second loader, and the adder
        }
        for (int i = 0; i < Traits::STAGES; ++i) {
            barrier_init(base + Traits::Q_FULL + 8 * i, 1);
            barrier_init(base + Traits::DO_FULL + 8 * i, 1);
            barrier_init(base + Traits::Q_EMPTY + 8 * i, WARPS);
            barrier_init(base + Traits::DO_EMPTY + 8 * i, WARPS);
        }
        barrier_init_fence();
    }
    __syncthreads();
    await_previous_kernel();
    allow_next_kernel();
    int group = uniform(threadIdx.x / 128);
    if (group == 0) {
        registers_decrease<Traits::PRODUCER_REGISTERS>();
        BackwardLoader<Traits> loader(p, maps, next_tile, base);
        switch (threadIdx.x) {
            case 0: loader.run_k_and_q(); break;
            case 32: loader.run_v_and_do(); break;
            default:
                if (threadIdx.x / 32 == 2) BackwardAdder<Traits>(p, base).run();
        }
    } else {
        registers_increase<Traits::CONSUMER_REGISTERS>();
        BackwardConsumer<Traits>(p, base, group - 1).run();
    }
}

}  // namespace flash
