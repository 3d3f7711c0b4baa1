// Macros: HEAD_DIM ELEMENT
#include "attention/decode/combine.cuh"

extern "C" __global__ void __launch_bounds__(flash::COMBINE_THREADS, 1)
    flash_decode_combine(const __grid_constant__ flash::DecodeCombineParams params) {
    flash::decode_combine<flash::ELEMENT, HEAD_DIM>(params);
}
