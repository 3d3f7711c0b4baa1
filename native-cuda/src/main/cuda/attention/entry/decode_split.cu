// Macros: HEAD_DIM ELEMENT ROWS WARPS STAGES
#include "attention/decode/split.cuh"

extern "C" __global__ void __launch_bounds__(32 * WARPS, 1)
    flash_decode_split(const __grid_constant__ flash::DecodeSplitParams params) {
    extern __shared__ __align__(1024) char shared[];
    flash::decode_split<flash::ELEMENT, HEAD_DIM, ROWS, WARPS, STAGES>(params, shared);
}
