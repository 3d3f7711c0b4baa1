// Macros: HEAD_DIM ELEMENT BLOCK_M (of flash_backward_sm90)
#include "attention/backward/row_dot_sm90.cuh"

extern "C" __global__ void __launch_bounds__(flash::ROW_KERNEL_THREADS, 1)
    flash_backward_row_dot_sm90(const __grid_constant__ flash::RowDotParams params) {
    flash::backward_row_dot_sm90<flash::ELEMENT, HEAD_DIM, BLOCK_M>(params);
}
