/** Tests of the bridge to PyTorch's stable C ABI. */
package org.djlflash.torch;
