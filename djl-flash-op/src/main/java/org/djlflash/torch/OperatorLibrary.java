package org.djlflash.torch;

import com.sun.jna.CallbackThreadInitializer;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Implementations of PyTorch operators in Java for one dispatch key. Closing it restores what was
 * registered before.
 *
 * <p>Kernels are called on any thread, also native ones. Safe for use by many threads.
 */
public final class OperatorLibrary implements AutoCloseable {

    /**
     * Callbacks are never given up: a graph recorded earlier may still be on its way to one, and
     * calling a collected callback ends the JVM.
     */
    private static final ConcurrentLinkedQueue<TorchAbi.BoxedKernel> CALLBACKS =
            new ConcurrentLinkedQueue<>();

    /** An operator's implementation. Safe for use by many threads. */
    public interface Kernel {

        /**
         * Computes the results.
         *
         * @param arguments the arguments, freed afterwards
         * @return as many new tensors as the operator returns, none of them an argument; freed
         *     afterwards
         */
        List<Tensor> run(KernelArguments arguments);

        /**
         * Takes note of what {@link #run} threw. PyTorch learns of it by the failure tensor alone:
         * an exception must never pass through its frames.
         *
         * @param cause what was thrown
         */
        void failed(Throwable cause);
    }

    /** Where kernels are registered, which PyTorch remembers by address and prints in warnings. */
    private static final class FileName {

        static final Memory TEXT = text("org.djlflash");

        private static Memory text(String text) {
            Memory memory = new Memory(text.length() + 1);
            memory.setString(0, text);
            return memory;
        }
    }

    private final long library;
    private boolean open = true;

    private OperatorLibrary(long library) {
        this.library = library;
    }

    /**
     * Opens an empty set of implementations.
     *
     * @param dispatchKey the key, for example {@code CPU} or {@code CUDA}
     * @return the library
     */
    public static OperatorLibrary open(String dispatchKey) {
        TorchLibrary.ensureAvailable();
        long[] out = new long[1];
        TorchLibrary.check(
                TorchAbi.aoti_torch_library_init_impl("aten", dispatchKey, FileName.TEXT, 0, out),
                "aoti_torch_library_init_impl for " + dispatchKey);
        return new OperatorLibrary(out[0]);
    }

    /**
     * Registers an implementation; the newest counts.
     *
     * @param operator the operator's name without namespace
     * @param kernel the implementation
     * @param failure what stands for every result when the implementation throws; kept
     */
    public synchronized void implement(String operator, Kernel kernel, Tensor failure) {
        TorchLibrary.check(
                TorchAbi.aoti_torch_library_impl(
                        library, operator, callback(operator, kernel, failure)),
                "aoti_torch_library_impl of " + operator);
    }

    /** Makes what native code calls, for as long as the JVM lives. */
    static TorchAbi.BoxedKernel callback(String operator, Kernel kernel, Tensor failure) {
        TorchAbi.BoxedKernel callback =
                (stack, arguments, results) ->
                        call(
                                kernel,
                                failure,
                                new StableStack(new Pointer(stack)),
                                arguments,
                                results);
        // A daemon thread that stays attached: PyTorch's workers come back for every call, and
        // must not keep the JVM from ending.
        Native.setCallbackThreadInitializer(
                callback, new CallbackThreadInitializer(true, false, "djl-flash-" + operator));
        CALLBACKS.add(callback);
        return callback;
    }

    /**
     * Runs a kernel so that nothing is ever thrown and every result slot is set: PyTorch takes over
     * whatever stands there.
     */
    private static void call(
            Kernel kernel, Tensor failure, StableStack stack, long count, long resultCount) {
        long[] handles = null;
        Throwable thrown = null;
        try (KernelArguments arguments = new KernelArguments(stack, count)) {
            handles = handles(kernel.run(arguments), arguments, resultCount);
        } catch (Throwable cause) {
            thrown = cause;
        }
        for (int i = 0; i < resultCount; i++) {
            stack.set(i, handles == null ? failure.newHandle() : handles[i]);
        }
        // Last, as it may throw in its turn: JNA swallows that, and PyTorch reads the slots.
        if (thrown != null) {
            kernel.failed(thrown);
        }
    }

    private static long[] handles(
            List<Tensor> results, KernelArguments arguments, long resultCount) {
        boolean usable = results.size() == resultCount;
        for (Tensor result : results) {
            usable &= result != null && result.isOpen() && !arguments.owns(result);
        }
        if (!usable) {
            results.stream().filter(Objects::nonNull).forEach(Tensor::close);
            throw new IllegalStateException(
                    results.size()
                            + " results, expected are "
                            + resultCount
                            + " new tensors, none of them an argument");
        }
        long[] handles = new long[results.size()];
        for (int i = 0; i < handles.length; i++) {
            Tensor result = results.get(i);
            boolean again = results.lastIndexOf(result) > i;
            handles[i] = again ? result.newHandle() : result.release();
        }
        return handles;
    }

    /** Removes the implementations. Closing twice is harmless. */
    @Override
    public synchronized void close() {
        if (open) {
            open = false;
            TorchLibrary.check(
                    TorchAbi.aoti_torch_delete_library_object(library),
                    "aoti_torch_delete_library_object");
        }
    }
}
