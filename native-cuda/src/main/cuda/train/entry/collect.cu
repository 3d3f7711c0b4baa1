// Adds gradients of 16 bits to float32 ones, chunk by chunk, and sets them to zero. Macro: ELEMENT, fp16 or bf16.
#include "tile/element.cuh"
#include "train/params.cuh"

extern "C" __global__ void __launch_bounds__(256) flash_collect(const __grid_constant__ flash::TwinParams params) {
    const flash::Twin twin = params.twins[blockIdx.x];
    const int count = static_cast<int>(twin.count);
    for (int first = threadIdx.x; first < count; first += 8 * 256) {
        float full[8], low[8];
#pragma unroll
        for (int j = 0; j < 8; j++) {
            int i = first + 256 * j;
            if (i >= count) continue;
            full[j] = twin.full[i];
            low[j] = flash::ELEMENT::load(twin.low, i);
        }
#pragma unroll
        for (int j = 0; j < 8; j++) {
            int i = first + 256 * j;
            if (i >= count) continue;
            twin.full[i] = full[j] + low[j];
            twin.low[i] = 0;
        }
    }
}
