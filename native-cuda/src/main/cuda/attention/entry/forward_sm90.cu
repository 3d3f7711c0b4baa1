// Macros: HEAD_DIM ELEMENT BLOCK_N WARPGROUPS QUERY_STAGES KEY_STAGES
#include "attention/forward/forward_sm90.cuh"

extern "C" __global__ void __launch_bounds__(128 * (WARPGROUPS + 1), 1)
    flash_forward_sm90(const __grid_constant__ flash::ForwardParams params,
                       const __grid_constant__ flash::ForwardMaps maps, int* next_job) {
    extern __shared__ __align__(1024) char shared[];
    using Traits = flash::ForwardSm90<flash::ELEMENT, HEAD_DIM, BLOCK_N, WARPGROUPS, QUERY_STAGES, KEY_STAGES>;
    flash::forward_sm90<Traits>(params, maps, next_job, shared);
}
