package org.djlflash.examples.bench;

import java.util.List;
import org.djlflash.torch.Tensor;

/** One way to compute attention. All enqueue on PyTorch's current stream and do not wait. */
interface Implementation {

    /**
     * Computes the output.
     *
     * @param in the operands, which stay the caller's and must outlive the result
     * @param causal whether query i sees keys 0 to i only
     * @return the output and what the gradients need
     */
    Step forward(Operands in, boolean causal);

    /** A forward pass that was done. */
    interface Step extends AutoCloseable {

        /** Returns the output, shape (B, heads, T, H), which stays the step's. */
        Tensor output();

        /**
         * Computes the gradients.
         *
         * @param outputGradient shaped as the output
         * @return those of query, key and value, which become the caller's
         */
        List<Tensor> gradients(Tensor outputGradient);

        @Override
        void close();
    }
}
