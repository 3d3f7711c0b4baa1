// Arguments of the kernels that update a model's parameters. All tensors are float32 and contiguous; they are cut into
// chunks of at most 2^15 elements, of which each block takes one, so that one launch serves any number of tensors.
// org.djlflash.cuda.launch.ParamsWriter writes these structs field by field.
#pragma once

namespace flash {

struct Chunk {
    float* weight;
    float* gradient;
    float* mean;      // of the gradients
    float* variance;  // mean of their squares
    long long count;
};

// Part of a parameter, or of its gradient, in float32 and in 16 bits.
struct Twin {
    float* full;
    unsigned short* low;
    long long count;
};

struct TwinParams {
    const Twin* twins;
};

struct GradientSquaresParams {
    const Chunk* chunks;
    float* sums;  // [chunks], written
};

struct ClipFactorParams {
    const float* sums;
    float* factor;  // written: NaN when a gradient is not finite
    int count;
    float scale;
    float limit;
    int padding;
};

struct AdamWParams {
    const Chunk* chunks;
    const float* factor;  // of the gradients, null for 1; NaN means: change nothing but the gradients
    float scale;          // of the gradients in addition
    float keep;           // 1 - learning rate * weight decay
    float rate;           // learning rate, corrected for moments that began with zero
    float beta1;
    float beta2;
    float epsilon;
};

}  // namespace flash
