// A step of AdamW on each chunk; the gradients become zero. Bound by memory: 16 bytes read and written an element. A
// thread loads four elements of each tensor before it stores any, as the compiler must not move loads over stores.
// No macros.
#include "train/params.cuh"

extern "C" __global__ void __launch_bounds__(256)
    flash_adamw(const __grid_constant__ flash::AdamWParams params) {
    const flash::Chunk chunk = params.chunks[blockIdx.x];
    const int count = static_cast<int>(chunk.count);
    const float factor = params.factor ? params.scale * *params.factor : params.scale;
    const bool skip = factor != factor;
    for (int first = threadIdx.x; first < count; first += 4 * 256) {
        float gradient[4], mean[4], variance[4], weight[4];
#pragma unroll
        for (int j = 0; j < 4; j++) {
            int i = first + 256 * j;
            if (i >= count) continue;
            gradient[j] = chunk.gradient[i];
            mean[j] = chunk.mean[i];
            variance[j] = chunk.variance[i];
            weight[j] = chunk.weight[i];
        }
#pragma unroll
        for (int j = 0; j < 4; j++) {
            int i = first + 256 * j;
            if (i >= count) continue;
            chunk.gradient[i] = 0;
            if (skip) continue;
            float g = gradient[j] * factor;
            float m = params.beta1 * mean[j] + (1 - params.beta1) * g;
            float v = params.beta2 * variance[j] + (1 - params.beta2) * g * g;
            chunk.mean[i] = m;
            chunk.variance[i] = v;
            chunk.weight[i] = weight[j] * params.keep - params.rate * m / (sqrtf(v) + params.epsilon);
        }
    }
}
