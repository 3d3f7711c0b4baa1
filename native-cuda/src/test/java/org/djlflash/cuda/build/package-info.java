/** The build's own tool: compiles the common kernels with nvcc into the jar. */
package org.djlflash.cuda.build;
