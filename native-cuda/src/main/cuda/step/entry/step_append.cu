// Macros: ELEMENT
#include "step/append.cuh"

extern "C" __global__ void __launch_bounds__(64, 1)
    flash_step_append(const __grid_constant__ flash::StepAppendParams params) {
    flash::step_append<flash::ELEMENT>(params);
}
