/** Settings of the CUDA kernels: system properties, then environment variables. */
package org.djlflash.cuda.config;
