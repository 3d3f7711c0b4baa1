// Writes the dropout mask itself, for tests. No macros.
#include "attention/dropout.cuh"

extern "C" __global__ void __launch_bounds__(256, 1)
    flash_dropout_mask(const __grid_constant__ flash::DropoutMaskParams params) {
    const flash::Problem& p = params.problem;
    long long index = static_cast<long long>(blockIdx.x) * 256 + threadIdx.x;
    long long row = index / p.keys;
    if (row >= static_cast<long long>(p.batch) * p.heads * p.queries) return;
    int head = static_cast<int>(row / p.queries);
    flash::DropoutMask mask(p, head / p.heads, head % p.heads);
    params.mask[index] = mask.keeps(static_cast<int>(row % p.queries), static_cast<int>(index % p.keys));
}
