package org.djlflash.examples.bench;

import java.util.List;
import java.util.function.Supplier;
import org.djlflash.torch.Tensor;

/**
 * What is checked once and then timed.
 *
 * @param work enqueues the computation and returns what it wrote, which becomes the caller's
 * @param kept what the work reads; owned
 */
record Contestant(Supplier<List<Tensor>> work, AutoCloseable kept) implements AutoCloseable {

    private static final AutoCloseable NOTHING = () -> {};

    Contestant(Supplier<List<Tensor>> work) {
        this(work, NOTHING);
    }

    List<Tensor> compute() {
        return work.get();
    }

    void run() {
        compute().forEach(Tensor::close);
    }

    @Override
    public void close() {
        try {
            kept.close();
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
