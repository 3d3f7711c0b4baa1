/** CUDA kernels of attention: planning, compiling, launching; no dependency on DJL. */
package org.djlflash.cuda;
