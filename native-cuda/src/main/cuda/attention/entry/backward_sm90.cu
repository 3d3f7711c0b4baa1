// Macros: HEAD_DIM ELEMENT BLOCK_M
#include "attention/backward/backward_sm90.cuh"

extern "C" __global__ void __launch_bounds__(384, 1)
    flash_backward_sm90(const __grid_constant__ flash::BackwardParams params,
                        const __grid_constant__ flash::BackwardMaps maps, int* next_tile) {
    extern __shared__ __align__(1024) char shared[];
    flash::backward_sm90<flash::BackwardSm90<flash::ELEMENT, HEAD_DIM, BLOCK_M>>(params, maps, next_tile, shared);
}
