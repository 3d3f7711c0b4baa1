// Who is last: blocks that have written their part draw a number; the last one reads all parts, in an order of its own.
//
// A ticket needs no memory set to zero: a word that does not carry the mark counts as zero, and the last one leaves zero. So
// scratch memory from an allocator will do, and so will the one that a captured graph uses again and again.
#pragma once

#include "attention/params.cuh"

namespace flash {

struct Ticket {
    static constexpr u64 MARK = 0x464c4153485fULL << 16;
    static constexpr u64 COUNT = 0xffff;

    u64* word;
    u64 seen;

    // Reads the word early, so that the drawing need not wait for it. Null: a thread that will not draw.
    __device__ __forceinline__ explicit Ticket(u64* address) : word(address), seen(0) {
        if (word) asm volatile("ld.relaxed.gpu.global.u64 %0, [%1];" : "=l"(seen) : "l"(word) : "memory");
    }

    // True for the last of `drawers`; what the others wrote before they drew is then visible to this thread.
    __device__ __forceinline__ bool draw_last(int drawers) const {
        asm volatile("fence.acq_rel.gpu;" ::: "memory");
        if ((seen & ~COUNT) != MARK) {
            asm volatile("{ .reg .b64 old; atom.relaxed.gpu.global.cas.b64 old, [%0], %1, %2; }" ::"l"(word), "l"(seen),
                         "l"(MARK)
                         : "memory");
        }
        u64 before;
        asm volatile("atom.relaxed.gpu.global.add.u64 %0, [%1], 1;" : "=l"(before) : "l"(word) : "memory");
        if (static_cast<int>(before & COUNT) != drawers - 1) return false;
        asm volatile("fence.acq_rel.gpu;" ::: "memory");
        asm volatile("st.relaxed.gpu.global.u64 [%0], %1;" ::"l"(word), "l"(MARK) : "memory");
        return true;
    }
};

}  // namespace flash
