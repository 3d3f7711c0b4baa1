// Attention forward on TMA and wgmma (sm_90a).
//
// A block holds one producer warp group and GROUPS consumer warp groups of 64 queries each, and works through jobs: 64 *
// GROUPS queries of one head. The producer's first warp chooses the jobs and streams Q, K and V through rings in shared
// memory; its second warp stores O from the place of Q. K and V tiles run from the last visible one to the first, so
// that only the first few steps mask.
//
// A consumer starts Q K^T of the next keys and P V of the present ones together and computes the softmax of the former
// under the latter. Consumers take turns in starting products: the softmax of one runs under the products of the others.
// P is the accumulator of S repacked: it never leaves the registers.
#pragma once

#include "attention/forward/forward_sm90_compute.cuh"
#include "attention/forward/forward_sm90_transfer.cuh"

namespace flash {

template <class Traits>
__device__ __forceinline__ void forward_sm90(const ForwardParams& p, const ForwardMaps& maps, int* next_job, char* shared) {
    unsigned int base = shared_address(shared);
    if (threadIdx.x == 0) {
        for (int i = 0; i < Traits::Q_STAGES; ++i) {
            barrier_init(base + Traits::Q_FULL + 8 * i, 1);
            barrier_init(base + Traits::Q_EMPTY + 8 * i, 1);
        }
        for (int i = 0; i < Traits::GROUPS; ++i) barrier_init(base + Traits::O_FULL + 8 * i, 4);
        for (int i = 0; i < Traits::KV_STAGES; ++i) {
            barrier_init(base + Traits::K_FULL + 8 * i, 1);
            barrier_init(base + Traits::K_EMPTY + 8 * i, 4 * Traits::GROUPS);
            barrier_init(base + Traits::V_FULL + 8 * i, 1);
            barrier_init(base + Traits::V_EMPTY + 8 * i, 4 * Traits::GROUPS);
        }
        barrier_init(base + Traits::V_LANDED, 1);
        barrier_init_fence();
    }
    __syncthreads();
    int group = uniform(threadIdx.x / 128);
    if (group == 0) {
        registers_decrease<Traits::PRODUCER_REGISTERS>();
        int warp = uniform(threadIdx.x / 32);
        if (warp == 0) {
            ForwardProducer<Traits>(p, maps, next_job, shared).run();
        } else if (warp == 1) {
            forward_store<Traits>(p, maps, shared);
        }
    } else {
        registers_increase<Traits::CONSUMER_REGISTERS>();
        ForwardConsumer<Traits>(p, shared, group - 1).run();
    }
}

}  // namespace flash
