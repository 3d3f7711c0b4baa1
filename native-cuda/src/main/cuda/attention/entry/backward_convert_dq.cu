// Macros: HEAD_DIM ELEMENT
#include "attention/backward/convert_dq.cuh"

extern "C" __global__ void __launch_bounds__(flash::ROW_KERNEL_THREADS, 1)
    flash_backward_convert_dq(const __grid_constant__ flash::ConvertDqParams params) {
    flash::backward_convert_dq<flash::ELEMENT, HEAD_DIM>(params);
}
