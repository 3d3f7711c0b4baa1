/** Tests of attention kernels written in Java and called by PyTorch. */
package org.djlflash.autograd;
