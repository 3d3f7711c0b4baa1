// What is added to a score: a dense bias, read where it is needed. Rows may be broadcast with stride 0; single elements
// are read because the bias needs no alignment.
#pragma once

#include "attention/params.cuh"
#include "tile/element.cuh"

namespace flash {

template <class Element>
struct BiasReader {
    const char* base;
    i64 row_stride;
    bool is_float;

    __device__ __forceinline__ BiasReader(const View& view, int bias_is_float, int batch, int head)
        : base(static_cast<const char*>(view.data) + (batch * view.batch + head * view.head) * (bias_is_float ? 4 : Element::BYTES)),
          row_stride(view.row),
          is_float(bias_is_float != 0) {}

    __device__ __forceinline__ float at(int query, int key) const {
        i64 index = query * row_stride + key;
        return is_float ? reinterpret_cast<const float*>(base)[index] : Element::load(base, index);
    }
};

}  // namespace flash
