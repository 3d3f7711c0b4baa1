// Copies float32 to 16 bits, chunk by chunk. Macro: ELEMENT, fp16 or bf16.
#include "tile/element.cuh"
#include "train/params.cuh"

extern "C" __global__ void __launch_bounds__(256) flash_lower(const __grid_constant__ flash::TwinParams params) {
    const flash::Twin twin = params.twins[blockIdx.x];
    const int count = static_cast<int>(twin.count);
    for (int first = threadIdx.x; first < count; first += 8 * 256) {
        float full[8];
#pragma unroll
        for (int j = 0; j < 8; j++) full[j] = first + 256 * j < count ? twin.full[first + 256 * j] : 0;
#pragma unroll
        for (int j = 0; j < 8; j++) {
            unsigned short low = static_cast<unsigned short>(flash::ELEMENT::pack(full[j], 0));
            if (first + 256 * j < count) twin.low[first + 256 * j] = low;
        }
    }
}
