/** Measures our kernels beside PyTorch's on the GPU at hand, after checking every result. */
package org.djlflash.examples.bench;
