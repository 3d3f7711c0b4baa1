// Barriers in shared memory that count arrivals and bytes (sm_90), and the numbered barriers of a block.
//
// A pipeline has a full and an empty barrier a stage. Who waits passes the parity of the phase it waits for: the consumer
// of a full barrier starts with 0 and flips at every wrap; the producer starts with 1 on an empty barrier, since a fresh
// barrier counts as having completed the phase before the first.
#pragma once

#include "tile/copy.cuh"

namespace flash {

__device__ __forceinline__ void barrier_init(unsigned int barrier, int arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

// Makes initialised barriers visible to the asynchronous proxy; __syncthreads() has to follow.
__device__ __forceinline__ void barrier_init_fence() {
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

__device__ __forceinline__ void barrier_arrive(unsigned int barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

// One arrival; the phase then also waits for `bytes` bytes of asynchronous copies.
__device__ __forceinline__ void barrier_arrive_expect(unsigned int barrier, unsigned int bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

__device__ __forceinline__ bool barrier_try_wait(unsigned int barrier, unsigned int parity) {
    unsigned int done;
    asm volatile(
        "{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
        : "=r"(done)
        : "r"(barrier), "r"(parity)
        : "memory");
    return done != 0;
}

__device__ __forceinline__ void barrier_wait(unsigned int barrier, unsigned int parity) {
    while (!barrier_try_wait(barrier, parity)) {
    }
}

// Numbered barriers 1..15 (0 is __syncthreads): `threads` counts those that sync and those that only arrive.
__device__ __forceinline__ void named_barrier_sync(int id, int threads) {
    asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

__device__ __forceinline__ void named_barrier_arrive(int id, int threads) {
    asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

}  // namespace flash
