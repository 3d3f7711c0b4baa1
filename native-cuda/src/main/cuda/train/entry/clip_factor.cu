// What gradients are multiplied by, from the sums of squares of their chunks; one block. No macros.
#include "tile/block_sum.cuh"
#include "train/params.cuh"

extern "C" __global__ void __launch_bounds__(256)
    flash_clip_factor(const __grid_constant__ flash::ClipFactorParams params) {
    double sum = 0;
    for (int i = threadIdx.x; i < params.count; i += 256) sum += params.sums[i];
    sum = flash::block_sum(sum);
    if (threadIdx.x != 0) return;
    float norm = static_cast<float>(sqrt(sum)) * params.scale;
    float clip = fminf(1.0f, params.limit / (norm + 1e-6f));
    bool finite = norm - norm == 0.0f;
    *params.factor = finite ? params.scale * clip : __int_as_float(0x7fc00000);
}
