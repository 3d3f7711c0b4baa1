// Parameters of the kernels that measure, as in attention/params.cuh.
#pragma once

namespace flash {

struct ReadParams {
    const void* data;  // 16-byte aligned
    long long bytes;   // a multiple of 16
    unsigned int* result;  // written in the one case in four billion that keeps the reads from being left out
};  // 24 bytes

static_assert(sizeof(ReadParams) == 24, "layout is shared with the host");

}  // namespace flash
