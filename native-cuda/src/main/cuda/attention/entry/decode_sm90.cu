// Macros: HEAD_DIM ELEMENT ROWS STAGES CLUSTER
#include "attention/decode/decode_sm90.cuh"

using Traits = flash::DecodeSm90<flash::ELEMENT, HEAD_DIM, ROWS, STAGES, CLUSTER>;

extern "C" __global__ void __cluster_dims__(CLUSTER) __launch_bounds__(32 * (Traits::WORKERS + 1), Traits::RESIDENT)
    flash_decode_sm90(const __grid_constant__ flash::DecodeParams params, const __grid_constant__ flash::DecodeMaps maps) {
    extern __shared__ __align__(1024) char shared[];
    flash::decode_sm90<Traits>(params, maps, shared);
}
