/** The decode step of a language model, of our own kernels alone, captured as a CUDA graph. */
package org.djlflash.step;
