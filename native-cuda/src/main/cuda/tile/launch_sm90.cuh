// Overlap of a kernel's start with the end of the one before it in the stream (sm_90), if it was launched to allow that.
#pragma once

namespace flash {

// Before the first access to memory that the previous kernel uses: waits until it has ended.
__device__ __forceinline__ void await_previous_kernel() { asm volatile("griddepcontrol.wait;" ::: "memory"); }

// The next kernel's blocks may start as soon as all blocks of this one have called this or ended.
__device__ __forceinline__ void allow_next_kernel() { asm volatile("griddepcontrol.launch_dependents;" ::: "memory"); }

}  // namespace flash
