// The kernels of a step start under the end of the one before, where the GPU can do that. What the step does not write,
// such as weights, may be read at once; all else after the kernel before has ended. As every kernel waits for the one
// before it, it is all of them that have ended by then.
#pragma once

#include "tile/launch_sm90.cuh"

namespace flash {

__device__ __forceinline__ void overlap_next() {
#if __CUDA_ARCH__ >= 900
    allow_next_kernel();
#endif
}

__device__ __forceinline__ void await_previous() {
#if __CUDA_ARCH__ >= 900
    await_previous_kernel();
#endif
}

}  // namespace flash
