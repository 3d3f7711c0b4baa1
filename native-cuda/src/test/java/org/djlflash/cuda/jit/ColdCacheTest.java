package org.djlflash.cuda.jit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.djlflash.cuda.plan.KernelVariant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Processes that start at the same time, or are killed, on one cache folder. */
class ColdCacheTest {

    private static final int PROCESSES = 8;
    private static final int THREADS = 4;
    private static final KernelVariant VARIANT =
            new KernelVariant("forward", List.of("HEAD_DIM=64"), "sm_80");

    @TempDir private Path temporary;

    @Test
    void eightProcessesShareAColdCache() throws IOException, InterruptedException {
        List<Process> processes = new ArrayList<>();
        for (int i = 0; i < PROCESSES; i++) {
            processes.add(start("once"));
        }
        for (Process process : processes) {
            assertTrue(process.waitFor(60, TimeUnit.SECONDS));
            String output =
                    new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertEquals(0, process.exitValue(), output);
        }
        try (Stream<Path> files = Files.list(temporary.resolve("cubins"))) {
            List<Path> left = files.toList();
            assertEquals(1, left.size(), left::toString);
            assertTrue(left.get(0).toString().endsWith(".cubin"));
        }
    }

    @Test
    void killedWritersLeaveOnlyTemporaryFiles() throws IOException, InterruptedException {
        for (int i = 0; i < 5; i++) {
            Process process = start("forever");
            process.getInputStream().read();
            Thread.sleep(20 * i);
            process.destroyForcibly().waitFor();
            assertEquals(0, runOnce(temporary.resolve("cubins")));
        }
    }

    private Process start(String how) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        ColdCacheTest.class.getName(),
                        temporary.resolve("cubins").toString(),
                        how)
                .redirectErrorStream(true)
                .start();
    }

    /**
     * Runs one of the processes.
     *
     * @param arguments the folder; {@code once}, or {@code forever} to write until killed
     * @throws IOException if the test cannot be told that writing has begun
     */
    public static void main(String[] arguments) throws IOException {
        Path folder = Path.of(arguments[0]);
        if (arguments[1].equals("once")) {
            System.exit(runOnce(folder));
        }
        CubinStore store = CubinStore.open(folder);
        new FileOutputStream(FileDescriptor.out).write('!');
        while (true) {
            store.put(key(), new FakeCompiler("fake").cubinOf(VARIANT));
        }
    }

    private static String key() {
        return CubinKey.of(new KernelSource().text(VARIANT.sourceFile()), VARIANT, "fake");
    }

    /** Several threads load one kernel; returns the number of wrong results. */
    private static int runOnce(Path folder) {
        FakeCompiler compiler = new FakeCompiler("fake");
        KernelLoader<byte[]> loader =
                new KernelLoader<>(
                        new KernelSource(),
                        new PrebuiltCubins(ClassLoader.getPlatformClassLoader()),
                        CubinStore.open(folder),
                        () -> compiler,
                        (variant, cubin) -> cubin);
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            List<Future<byte[]>> results = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                results.add(threads.submit(() -> loader.load(VARIANT)));
            }
            int wrong = 0;
            for (Future<byte[]> result : results) {
                wrong += Arrays.equals(result.get(), compiler.cubinOf(VARIANT)) ? 0 : 1;
            }
            return wrong + Math.max(0, compiler.calls() - 1);
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        } finally {
            threads.shutdown();
        }
    }
}
