package org.djlflash.cuda.launch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.djlflash.cuda.config.CudaSetting;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.BiasKind;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.testkit.AttentionCase;
import org.djlflash.cuda.testkit.AttentionRun;
import org.djlflash.cuda.testkit.Closeness;
import org.djlflash.cuda.testkit.Precision;
import org.djlflash.cuda.testkit.RequiresGpu;
import org.djlflash.cuda.testkit.TestGpu;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Whatever state the cache folder is in, the kernel from it is right. */
@RequiresGpu
class KernelCacheGpuTest {

    private static final Logger LOG = LoggerFactory.getLogger(KernelCacheGpuTest.class);

    private static final int PROCESSES = 8;

    /** A combination that the jar does not hold. */
    private static final AttentionCase UNCOMMON =
            new AttentionCase(
                    AttentionProblem.of(ElementType.FP16, new AttentionShape(1, 2, 1, 64, 64, 16))
                            .withBias(BiasKind.FLOAT),
                    false,
                    null,
                    9);

    @TempDir private Path temporary;
    private Path folder;

    @BeforeEach
    void useOwnFolder() {
        folder = temporary.resolve("cubins");
        System.setProperty(CudaSetting.CACHE_FOLDER.property(), folder.toString());
    }

    @AfterEach
    void restoreSettings() {
        System.clearProperty(CudaSetting.CACHE_FOLDER.property());
    }

    @Test
    void emptyFolderIsFilledAndReadByTheNextLauncher() throws IOException {
        assertTrue(launch() <= 20_000);
        onlyEntry();
        assertTrue(launch() <= 1000);
        onlyEntry();
    }

    @Test
    void damagedEntryIsMadeAgain() throws IOException {
        launch();
        byte[] entry = Files.readAllBytes(onlyEntry());
        byte[] damaged = entry.clone();
        damaged[entry.length / 2] ^= 0x10;
        Files.write(onlyEntry(), damaged);
        launch();
        assertArrayEquals(entry, Files.readAllBytes(onlyEntry()));
    }

    @Test
    void readOnlyFolderStaysEmpty() throws IOException {
        Files.createDirectory(
                folder,
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("r-x------")));
        launch();
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(0, files.count());
        }
    }

    @Test
    void processesShareAnEmptyFolder() throws IOException, InterruptedException {
        List<Process> processes = new ArrayList<>();
        for (int i = 0; i < PROCESSES; i++) {
            processes.add(
                    new ProcessBuilder(
                                    Path.of(System.getProperty("java.home"), "bin", "java")
                                            .toString(),
                                    "-cp",
                                    System.getProperty("java.class.path"),
                                    "-D" + CudaSetting.CACHE_FOLDER.property() + "=" + folder,
                                    KernelCacheGpuTest.class.getName())
                            .redirectErrorStream(true)
                            .redirectOutput(temporary.resolve("output" + i).toFile())
                            .start());
        }
        for (int i = 0; i < PROCESSES; i++) {
            assertTrue(processes.get(i).waitFor(60, TimeUnit.SECONDS));
            String output = Files.readString(temporary.resolve("output" + i));
            assertEquals(0, processes.get(i).exitValue(), output);
        }
        onlyEntry();
    }

    /** Runs one of the processes. */
    public static void main(String... arguments) {
        launch();
    }

    /** Returns after how many milliseconds a new launcher had the kernel, which must be right. */
    private static long launch() {
        TestGpu.open();
        AttentionLauncher launcher = new AttentionLauncher(TestGpu.device(), List.of());
        try (AttentionRun run = new AttentionRun(UNCOMMON, launcher)) {
            long start = System.nanoTime();
            run.forward();
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            LOG.warn("The kernel was there after {} ms", millis);
            Closeness.assertClose(
                    "O",
                    ElementType.FP16,
                    0.3,
                    2,
                    run.read("output").toArray(),
                    run.reference(Precision.EXACT).output,
                    run.reference(Precision.unfused(ElementType.FP16)).output);
            return millis;
        }
    }

    private Path onlyEntry() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> found = files.toList();
            assertEquals(1, found.size(), found::toString);
            assertTrue(found.get(0).toString().endsWith(".cubin"), found::toString);
            return found.get(0);
        }
    }
}
