/**
 * From a kernel variant to its machine code: what the build put in the jar, then the disk cache,
 * then NVRTC. {@code KernelLoader} alone knows that order.
 */
package org.djlflash.cuda.jit;
