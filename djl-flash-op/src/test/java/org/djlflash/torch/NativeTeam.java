package org.djlflash.torch;

import com.sun.jna.CallbackReference;
import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * Native threads that call a kernel as PyTorch's workers do, with no Java frame below: the OpenMP
 * team of DJL's own libgomp, on Linux x86-64. One of them is the caller.
 */
public final class NativeTeam {

    /** The number of threads. */
    public static final int THREADS = 4;

    /**
     * OpenMP hands one pointer to every thread. This is {@code void (*)(void*)} in machine code: it
     * takes the next of the stacks behind the header and jumps to the kernel.
     */
    private static final int[] TRAMPOLINE = {
        0xb8,
        1,
        0,
        0,
        0, // mov eax, 1
        0xf0,
        0x48,
        0x0f,
        0xc1,
        0x47,
        24, // lock xadd [rdi + 24], rax
        0x83,
        0xe0,
        THREADS - 1, // and eax, THREADS - 1
        0x48,
        0xc1,
        0xe0,
        8, // shl rax, 8
        0x48,
        0x8b,
        0x77,
        8, // mov rsi, [rdi + 8]
        0x48,
        0x8b,
        0x57,
        16, // mov rdx, [rdi + 16]
        0x48,
        0x8b,
        0x0f, // mov rcx, [rdi]
        0x48,
        0x8d,
        0x7c,
        0x07,
        32, // lea rdi, [rdi + rax + 32]
        0xff,
        0xe1 // jmp rcx
    };

    private static final int HEADER_BYTES = 32;

    private static final int STACK_BYTES = StableStack.SLOTS * Long.BYTES;

    private final Memory data = new Memory(HEADER_BYTES + THREADS * STACK_BYTES);
    private final Function parallel;
    private final Pointer trampoline;

    /**
     * Prepares a team.
     *
     * @param kernel reads one tensor and an optional real number, and returns one tensor
     */
    public NativeTeam(OperatorLibrary.Kernel kernel) throws IOException {
        try (Stream<Path> files = Files.list(TorchLibrary.folder())) {
            Path openMp =
                    files.filter(f -> f.getFileName().toString().startsWith("libgomp"))
                            .findFirst()
                            .orElseThrow();
            parallel = NativeLibrary.getInstance(openMp.toString()).getFunction("GOMP_parallel");
        }
        int readWriteExecute = 7;
        int privateAnonymous = 0x22;
        trampoline =
                NativeLibrary.getInstance("c")
                        .getFunction("mmap")
                        .invokePointer(
                                new Object[] {
                                    Pointer.NULL,
                                    new NativeLong(TRAMPOLINE.length),
                                    readWriteExecute,
                                    privateAnonymous,
                                    -1,
                                    new NativeLong(0)
                                });
        for (int i = 0; i < TRAMPOLINE.length; i++) {
            trampoline.setByte(i, (byte) TRAMPOLINE[i]);
        }
        data.clear();
        data.setPointer(
                0,
                CallbackReference.getFunctionPointer(
                        OperatorLibrary.callback("team", kernel, Tensor.undefined())));
        data.setLong(8, 2);
        data.setLong(16, 1);
    }

    /**
     * Calls the kernel once on every thread.
     *
     * @param argument the tensor that each gets
     * @param number the number that each gets
     * @return how many results are defined
     */
    public int call(Tensor argument, double number) {
        StableStack[] stacks = new StableStack[THREADS];
        for (int i = 0; i < THREADS; i++) {
            stacks[i] =
                    new StableStack(data.share(HEADER_BYTES + (long) i * STACK_BYTES, STACK_BYTES));
            stacks[i].set(0, argument.newHandle());
            stacks[i].setBoxed(1, Double.doubleToRawLongBits(number));
        }
        parallel.invokeVoid(new Object[] {trampoline, data, THREADS, 0});
        int defined = 0;
        for (StableStack stack : stacks) {
            try (Tensor result = stack.takeTensor(0)) {
                defined += result.isDefined() ? 1 : 0;
            }
        }
        return defined;
    }
}
