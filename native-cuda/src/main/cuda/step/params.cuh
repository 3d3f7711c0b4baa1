// Parameters of the kernels that make up a decode step beside attention: every row reads one token.
// Letters: B rows, E width of the model, V vocabulary, Hq query heads, Hkv key/value heads, D head_dim.
// "element" is the 16-bit type the variant was compiled for (ELEMENT). Vectors start 16-byte aligned and their lengths
// are multiples of 8. Only 8-byte fields come before 4-byte fields; sizes are multiples of 8.
#pragma once

#include "attention/params.cuh"

namespace flash {

struct StepEmbedParams {
    const int* ids;         // [B] the tokens read; below 0: any
    int* lengths;           // [B] the tokens in the cache, counted up to the capacity
    const void* tokens;     // [V, E] element
    const void* positions;  // [at least capacity, E] element; null: none are added
    void* hidden;           // [B, E] element, written
    int width;              // E
    int capacity;           // of the cache, in tokens
};                          // 48 bytes

struct StepNormParams {
    const void* x;      // [B, E] element
    void* y;            // [B, E] element, written
    const void* gain;   // [E] element
    const void* shift;  // [E] element; null: none
    int width;          // E, at most 8192
    float epsilon;
};  // 40 bytes

// y = epilogue(x W^T + bias) for up to three weights side by side.
struct StepLinearParams {
    const void* x;          // [B, inputs] element
    void* y;                // [B, pitch] element, written, or added to (EPILOGUE_ADD)
    const void* weight[3];  // [outputs[i], inputs] element; null: no more
    const void* bias[3];    // [outputs[i]] element; null: none
    int outputs[3];         // EPILOGUE_GATED: the first two are equal, and y has as many columns as one
    int rows;               // B
    int inputs;
    int pitch;
};  // 88 bytes

struct StepAppendParams {
    void* qkv;           // [B, (Hq + 2 Hkv) D] element; queries are turned in place
    void* keys;          // element, strides below
    void* values;        // element, strides below
    const int* lengths;  // [B] the new token included
    const void* cosine;  // [at least capacity, D / 2] element; null: nothing is turned
    const void* sine;    // shaped alike
    const int* pages;    // [B, pages_per_row] the pages of keys and values; null: row b is at b
    i64 batch;           // strides of keys and values, the first from row to row or from page to page
    i64 head;
    i64 row;
    int heads;     // Hq
    int kv_heads;  // Hkv
    int head_dim;  // D
    int page_keys;
    int pages_per_row;
    int reserved;  // 0
};                 // 104 bytes

// How one row chooses its token.
struct StepChoice {
    double temperature;  // 0: the likeliest token
    double top_p;        // 1: all
    double penalty;      // 1: none
    i64 top_k;           // 0: all
};                       // 32 bytes

struct StepSampleParams {
    const void* logits;         // [B, pitch] element
    int* ids;                   // [B] written: the token chosen, -1 if there is a NaN, a +inf or nothing finite
    int* ring;                  // [slots, B] written at slot lengths[b] % slots
    const int* lengths;         // [B]
    const StepChoice* choices;  // [B]
    const double* uniforms;     // [slots, B] from 0 to below 1, read at the same slot
    unsigned char* seen;        // [B, V] 1 for tokens that occurred, kept up to date; null: no row has a penalty
    float* values;              // [B, V] scratch; null: no row draws
    int vocabulary;             // V, at most 2^24
    int pitch;
    int slots;
    int reserved;  // 0
};                 // 80 bytes

static_assert(sizeof(StepEmbedParams) == 48 && sizeof(StepNormParams) == 40, "layout is shared with the host");
static_assert(sizeof(StepLinearParams) == 88 && sizeof(StepAppendParams) == 104, "layout is shared with the host");
static_assert(sizeof(StepChoice) == 32 && sizeof(StepSampleParams) == 80, "layout is shared with the host");

}  // namespace flash
