// Macros: ELEMENT
#include "step/embed.cuh"

extern "C" __global__ void __launch_bounds__(256, 1)
    flash_step_embed(const __grid_constant__ flash::StepEmbedParams params) {
    flash::step_embed<flash::ELEMENT>(params);
}
