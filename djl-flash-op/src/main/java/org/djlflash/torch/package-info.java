/**
 * The bridge to PyTorch's stable C ABI, and the only package that sees its symbols, handles and
 * stacks; and to what DJL's PyTorch engine keeps to itself.
 *
 * <p>A DJL PyTorch {@code NDArray} handle is an {@code at::Tensor*}, which is the very type that
 * the C ABI calls {@code AtenTensorHandle}; no native code of our own stands between the two.
 */
package org.djlflash.torch;
