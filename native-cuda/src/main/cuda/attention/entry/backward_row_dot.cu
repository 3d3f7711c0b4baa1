// Macros: HEAD_DIM ELEMENT BLOCK_M (of flash_backward)
#include "attention/backward/row_dot.cuh"

extern "C" __global__ void __launch_bounds__(flash::ROW_KERNEL_THREADS, 1)
    flash_backward_row_dot(const __grid_constant__ flash::RowDotParams params) {
    flash::backward_row_dot<flash::ELEMENT, HEAD_DIM, BLOCK_M>(params);
}
