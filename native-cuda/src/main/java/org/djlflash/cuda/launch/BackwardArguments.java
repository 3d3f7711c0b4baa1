package org.djlflash.cuda.launch;

/**
 * The memory of a backward pass; the caller keeps it alive until the stream has passed the launch.
 * Immutable.
 *
 * @param forward what the forward pass was given and wrote; its workspace is not used
 * @param outputGradient [B, query heads, T, head size], no row twice: no stride is 0
 * @param queryGradient [B, query heads, T, head size], written
 * @param keyGradient [B, key heads, F, head size], written
 * @param valueGradient [B, key heads, F, head size], written
 * @param workspace scratch memory of the size that the plan gives
 */
public record BackwardArguments(
        ForwardArguments forward,
        TensorView outputGradient,
        TensorView queryGradient,
        TensorView keyGradient,
        TensorView valueGradient,
        DevicePointer workspace) {

    /**
     * Returns a copy with other scratch memory.
     *
     * @param scratch memory of the size that the plan gives
     * @return the copy
     */
    public BackwardArguments withWorkspace(DevicePointer scratch) {
        return new BackwardArguments(
                forward, outputGradient, queryGradient, keyGradient, valueGradient, scratch);
    }
}
