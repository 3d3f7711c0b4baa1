// Macros: HEAD_DIM ELEMENT BLOCK_M BLOCK_N WARPS STAGES BIAS DROPOUT
#include "attention/backward/backward_sm80.cuh"

extern "C" __global__ void __launch_bounds__(32 * WARPS, 1)
    flash_backward(const __grid_constant__ flash::BackwardParams params) {
    extern __shared__ __align__(1024) char shared[];
    flash::backward_sm80<flash::ELEMENT, HEAD_DIM, BLOCK_M, BLOCK_N, WARPS, STAGES, BIAS, DROPOUT>(params, shared);
}
