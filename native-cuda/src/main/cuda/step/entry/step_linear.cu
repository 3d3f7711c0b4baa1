// Macros: ELEMENT OUTPUT_TILES ROW_TILES CHUNKS WARPS EPILOGUE
#include "step/linear.cuh"

extern "C" __global__ void __launch_bounds__(32 * WARPS, 16 / WARPS)
    flash_step_linear(const __grid_constant__ flash::StepLinearParams params) {
    flash::StepLinear<flash::ELEMENT, OUTPUT_TILES, ROW_TILES, CHUNKS, WARPS, EPILOGUE>(params).run();
}
