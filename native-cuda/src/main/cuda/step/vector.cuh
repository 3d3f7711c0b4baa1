// Eight elements at a time.
#pragma once

#include "tile/element.cuh"

namespace flash {

template <class Element>
__device__ __forceinline__ void unpack_vector(float (&x)[8], uint4 packed) {
    unsigned int words[4] = {packed.x, packed.y, packed.z, packed.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        float2 pair = Element::unpack(words[i]);
        x[2 * i] = pair.x;
        x[2 * i + 1] = pair.y;
    }
}

template <class Element>
__device__ __forceinline__ uint4 pack_vector(const float (&x)[8]) {
    return make_uint4(Element::pack(x[0], x[1]), Element::pack(x[2], x[3]), Element::pack(x[4], x[5]),
                      Element::pack(x[6], x[7]));
}

template <class Element>
__device__ __forceinline__ void store(void* base, i64 index, float value) {
    static_cast<unsigned short*>(base)[index] = static_cast<unsigned short>(Element::pack(value, value));
}

}  // namespace flash
