/**
 * Attention kernels written in Java as PyTorch operators with gradients: registration for a
 * dispatch key, the callbacks, and the call.
 */
package org.djlflash.autograd;
