// Asynchronous copies of whole tiles between global and shared memory (sm_90), issued by one thread.
//
// A tensor map holds address, sizes, strides and swizzle; it is a kernel argument (const __grid_constant__). Elements
// outside the tensor read as zero, count as delivered bytes, and are not written. With a swizzle of W bytes the inner box
// is at most W bytes: a tile is a row of panels of [rows][W bytes], each aligned to 1024 bytes (W = 128).
#pragma once

#include "tile/mbarrier_sm90.cuh"

namespace flash {

struct alignas(64) TensorMap {
    char opaque[128];
};

__device__ __forceinline__ void prefetch_tensor_map(const TensorMap* map) {
    asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
}

// Global to shared; the barrier receives the bytes of the whole box.
__device__ __forceinline__ void tensor_load(unsigned int shared, const TensorMap* map, unsigned int barrier, int c0,
                                            int c1, int c2, int c3) {
    asm volatile(
        "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6}], "
        "[%2];" ::"r"(shared),
        "l"(map), "r"(barrier), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
        : "memory");
}

__device__ __forceinline__ void tensor_load(unsigned int shared, const TensorMap* map, unsigned int barrier, int c0,
                                            int c1, int c2, int c3, int c4) {
    asm volatile(
        "cp.async.bulk.tensor.5d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6, %7}], "
        "[%2];" ::"r"(shared),
        "l"(map), "r"(barrier), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4)
        : "memory");
}

// Shared to global; the source must be fenced (async_fence) and is free again after bulk_wait_read.
__device__ __forceinline__ void tensor_store(const TensorMap* map, unsigned int shared, int c0, int c1, int c2, int c3) {
    asm volatile("cp.async.bulk.tensor.4d.global.shared::cta.bulk_group [%0, {%2, %3, %4, %5}], [%1];" ::"l"(map),
                 "r"(shared), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
                 : "memory");
}

// Consecutive bytes, global to shared; addresses and size are multiples of 16.
__device__ __forceinline__ void bulk_load(unsigned int shared, const void* global, unsigned int bytes,
                                          unsigned int barrier) {
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(shared),
                 "l"(global), "r"(bytes), "r"(barrier)
                 : "memory");
}

// Adds consecutive floats in shared memory to global memory; addresses and size are multiples of 16 bytes.
__device__ __forceinline__ void bulk_add(float* global, unsigned int shared, unsigned int bytes) {
    asm volatile("cp.reduce.async.bulk.global.shared::cta.bulk_group.add.f32 [%0], [%1], %2;" ::"l"(global), "r"(shared),
                 "r"(bytes)
                 : "memory");
}

__device__ __forceinline__ void bulk_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }

// At most PENDING groups of this thread still read their source.
template <int PENDING>
__device__ __forceinline__ void bulk_wait_read() {
    asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(PENDING) : "memory");
}

// At most PENDING groups of this thread are unfinished: the others' writes are done.
template <int PENDING>
__device__ __forceinline__ void bulk_wait() {
    asm volatile("cp.async.bulk.wait_group %0;" ::"n"(PENDING) : "memory");
}

// Between this thread's ordinary writes to shared memory and an asynchronous read of them (a tensor store, wgmma) by
// anyone; a barrier has to follow if it is not this thread that starts the read.
__device__ __forceinline__ void async_fence() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// The same for global memory.
__device__ __forceinline__ void global_async_fence() { asm volatile("fence.proxy.async.global;" ::: "memory"); }

// True in one lane of a converged warp.
__device__ __forceinline__ bool elect_one() {
    unsigned int elected;
    asm volatile("{ .reg .pred p; elect.sync _|p, 0xffffffff; selp.u32 %0, 1, 0, p; }" : "=r"(elected));
    return elected != 0;
}

}  // namespace flash
