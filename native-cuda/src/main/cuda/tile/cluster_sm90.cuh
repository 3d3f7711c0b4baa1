// Clusters of blocks (sm_90): their shared memory is reachable from each other.
#pragma once

#include "tile/mbarrier_sm90.cuh"

namespace flash {

__device__ __forceinline__ int cluster_rank() {
    int rank;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}

// All threads of the cluster arrive, then wait: what they wrote before is seen after.
__device__ __forceinline__ void cluster_arrive() { asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory"); }

__device__ __forceinline__ void cluster_wait() { asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory"); }

// The address of the same place in another block of the cluster.
__device__ __forceinline__ unsigned int cluster_address(unsigned int shared, int rank) {
    unsigned int address;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(address) : "r"(shared), "r"(rank));
    return address;
}

// Writes to a block of the cluster; the barrier there receives the bytes. Nothing waits here.
__device__ __forceinline__ void cluster_store(unsigned int address, unsigned int barrier, float4 x) {
    asm volatile("st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.f32 [%0], {%1, %2, %3, %4}, [%5];" ::"r"(address),
                 "f"(x.x), "f"(x.y), "f"(x.z), "f"(x.w), "r"(barrier)
                 : "memory");
}

__device__ __forceinline__ void cluster_store(unsigned int address, unsigned int barrier, float2 x) {
    asm volatile("st.async.shared::cluster.mbarrier::complete_tx::bytes.v2.f32 [%0], {%1, %2}, [%3];" ::"r"(address),
                 "f"(x.x), "f"(x.y), "r"(barrier)
                 : "memory");
}

}  // namespace flash
