// Macros: ELEMENT
#include "step/sample.cuh"

extern "C" __global__ void __launch_bounds__(flash::SAMPLE_THREADS, 1)
    flash_step_sample(const __grid_constant__ flash::StepSampleParams params) {
    __shared__ flash::StepSample<flash::ELEMENT>::Shared shared;
    flash::StepSample<flash::ELEMENT>(params, shared).run();
}
