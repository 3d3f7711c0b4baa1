// The sum of squares of each chunk of gradients. No macros.
#include "tile/block_sum.cuh"
#include "train/params.cuh"

extern "C" __global__ void __launch_bounds__(256)
    flash_gradient_squares(const __grid_constant__ flash::GradientSquaresParams params) {
    const flash::Chunk chunk = params.chunks[blockIdx.x];
    const int count = static_cast<int>(chunk.count);
    float sum = 0;
    for (int first = threadIdx.x; first < count; first += 8 * 256) {
        float gradient[8];
#pragma unroll
        for (int j = 0; j < 8; j++) gradient[j] = first + 256 * j < count ? chunk.gradient[first + 256 * j] : 0;
#pragma unroll
        for (int j = 0; j < 8; j++) sum += gradient[j] * gradient[j];
    }
    sum = flash::block_sum(sum);
    if (threadIdx.x == 0) params.sums[blockIdx.x] = sum;
}
