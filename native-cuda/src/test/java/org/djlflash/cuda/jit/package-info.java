/** Tests of {@code org.djlflash.cuda.jit}. */
package org.djlflash.cuda.jit;
