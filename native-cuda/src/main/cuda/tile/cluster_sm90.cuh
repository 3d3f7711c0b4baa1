// Blocks of a cluster (sm_90): they run on neighbouring multiprocessors and reach each other's shared memory.
#pragma once

#include "tile/tma_sm90.cuh"

namespace flash {

__device__ __forceinline__ int cluster_rank() {
    int rank;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}

// All threads of all blocks of the cluster that have not ended.
__device__ __forceinline__ void cluster_sync() {
    asm volatile("barrier.cluster.arrive.release.aligned; barrier.cluster.wait.acquire.aligned;" ::: "memory");
}

// Arrives at the barrier at the same place in the shared memory of block `rank`.
__device__ __forceinline__ void barrier_arrive_remote(unsigned int barrier, int rank) {
    asm volatile(
        "{ .reg .b32 a; mapa.shared::cluster.u32 a, %0, %1; mbarrier.arrive.release.cluster.shared::cluster.b64 _, [a]; }" ::"r"(
            barrier),
        "r"(rank)
        : "memory");
}

// As tensor_load, into the same place of all blocks in the mask, and told to the barrier of each.
__device__ __forceinline__ void tensor_load_multicast(unsigned int shared, const TensorMap* map, unsigned int barrier,
                                                      int c0, int c1, int c2, int c3, unsigned short blocks) {
    asm volatile(
        "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%3, "
        "%4, %5, %6}], [%2], %7;" ::"r"(shared),
        "l"(map), "r"(barrier), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "h"(blocks)
        : "memory");
}

}  // namespace flash
