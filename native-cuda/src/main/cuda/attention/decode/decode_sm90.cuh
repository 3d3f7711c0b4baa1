// Decode on TMA (sm_90a): a few new tokens (T small) against a long cache, in one launch.
//
// Bound by device memory, so everything serves to keep it busy from the first microsecond to the last. One block a
// multiprocessor: one warp copies tiles of K and V into a ring that holds far more than the latency of memory needs, four
// compute. Clusters of blocks share equal ranges of keys (work_sm90.cuh); their parts are merged through each other's
// shared memory, and those of a group cut between ranges by whoever finishes last (decode_sm90_merge.cuh).
//
// Products as in the portable decode (split.cuh): S^T = K Q^T, O^T += V^T P^T with the rows that share a key head as the N
// side, so that K and V are read once, as A operands.
#pragma once

#include "attention/decode/decode_sm90_compute.cuh"
#include "attention/decode/decode_sm90_transfer.cuh"
#include "tile/launch_sm90.cuh"

namespace flash {

// blockIdx.x: range * BLOCKS + rank.
template <class Traits>
__device__ __forceinline__ void decode_sm90(const DecodeParams& p, const DecodeMaps& maps, char* shared) {
    unsigned int base = shared_address(shared);
    int range = blockIdx.x / Traits::BLOCKS;
    int rank = Traits::BLOCKS > 1 ? cluster_rank() : 0;
    bool copies = uniform(threadIdx.x / 32) == Traits::WORKERS;
    if (copies && threadIdx.x % 32 == 0) {
        prefetch_tensor_map(&maps.k);
        prefetch_tensor_map(&maps.v);
        for (int i = 0; i < Traits::SLOTS; ++i) {
            barrier_init(base + Traits::FULL + 8 * i, 1);
            barrier_init(base + Traits::EMPTY + 8 * i, Traits::WORKERS);
        }
        barrier_init(base + Traits::INBOX_FULL, 1);
        barrier_init(base + Traits::INBOX_FULL + 8, 1);
        barrier_init_fence();
    }
    __syncwarp();
    // Now, while all blocks hold their places: later, the next kernel's blocks would crowd where the first ones ended.
    allow_next_kernel();
    if (Traits::BLOCKS > 1) cluster_arrive();
    if (copies) {
        DecodeProducer<Traits> producer(p, maps, base);
        named_barrier_arrive(Traits::STARTED, 32 * (Traits::WORKERS + 1));
        await_previous_kernel();
        DecodeWork<Traits> work(p, range, rank);
        producer.run(work);
        __syncwarp();
        if (Traits::BLOCKS > 1) cluster_wait();
    } else {
        named_barrier_sync(Traits::STARTED, 32 * (Traits::WORKERS + 1));
        if (Traits::BLOCKS > 1) cluster_wait();
        await_previous_kernel();
        DecodeWork<Traits> work(p, range, rank);
        DecodeMerge<Traits> merge(p, shared, range, rank);
        DecodeConsumer<Traits>(p, shared).run(work, merge);
    }
}

}  // namespace flash
