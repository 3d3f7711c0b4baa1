// Macros: HEAD_DIM ELEMENT BLOCK_M (of flash_backward_sm90)
#include "attention/backward/convert_dq_sm90.cuh"

extern "C" __global__ void __launch_bounds__(256, 4)
    flash_backward_convert_dq_sm90(const __grid_constant__ flash::ConvertDqParams params) {
    flash::backward_convert_dq_sm90<flash::ELEMENT, HEAD_DIM, BLOCK_M>(params);
}
