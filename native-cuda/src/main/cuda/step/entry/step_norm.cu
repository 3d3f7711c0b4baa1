// Macros: ELEMENT ROOT_MEAN_SQUARE
#include "step/norm.cuh"

extern "C" __global__ void __launch_bounds__(flash::NORM_THREADS, 1)
    flash_step_norm(const __grid_constant__ flash::StepNormParams params) {
    flash::step_norm<flash::ELEMENT, ROOT_MEAN_SQUARE>(params);
}
