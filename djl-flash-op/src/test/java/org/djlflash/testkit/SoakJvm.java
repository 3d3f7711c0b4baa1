package org.djlflash.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A JVM whose own memory is fixed from the start, for the same call many times over: the process
 * grows by what is lost on the native side alone.
 */
public final class SoakJvm {

    private static final Logger logger = LoggerFactory.getLogger(SoakJvm.class);

    private static final Path STATUS = Path.of("/proc/self/status");

    private SoakJvm() {}

    /**
     * Runs a main class there, and demands that it ends well.
     *
     * @param folder an empty folder
     * @param main the class, which calls {@link #run}
     * @param arguments its arguments
     */
    public static void assertClean(Path folder, Class<?> main, String... arguments)
            throws IOException, InterruptedException {
        Assumptions.assumeTrue(
                Files.exists(STATUS), () -> "the resident memory is read from " + STATUS);
        List<String> flags =
                List.of(
                        "-Xms48m",
                        "-Xmx48m",
                        "-XX:+AlwaysPreTouch",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=off",
                        "-Dorg.slf4j.simpleLogger.log." + main.getName() + "=info",
                        "-Dorg.slf4j.simpleLogger.log." + SoakJvm.class.getName() + "=info");
        ChildJvm.Outcome outcome = ChildJvm.run(folder, 90, flags, main, arguments);
        Assertions.assertTrue(outcome.clean(), outcome::toString);
    }

    /**
     * Runs in that JVM, on a thread that records, as all but DJL's first do; ends the JVM if it
     * fails.
     *
     * @param soak the calls
     */
    public static void run(Runnable soak) throws InterruptedException {
        Thread worker = new Thread(soak);
        worker.setUncaughtExceptionHandler(
                (thread, e) -> {
                    logger.error("the soak failed", e);
                    Runtime.getRuntime().halt(1);
                });
        worker.start();
        worker.join();
    }

    /**
     * Returns the memory of this process.
     *
     * @return its resident size
     */
    public static long residentKilobytes() {
        System.gc();
        try {
            return Files.readAllLines(STATUS).stream()
                    .filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                    .findFirst()
                    .orElseThrow();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
