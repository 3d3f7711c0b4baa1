package org.djlflash.testkit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Runs a main class in a JVM of its own, with the class path of the tests, so that a crash, an exit
 * or a hang is an outcome like any other.
 */
public final class ChildJvm {

    /** Longer than any JVM may take to end after its main method returned. */
    public static final int EXIT_SECONDS = 15;

    private ChildJvm() {}

    /**
     * How a JVM ended.
     *
     * @param exitCode the exit code
     * @param crashed whether it left a crash report
     * @param output the end of what it wrote to the console
     */
    public record Outcome(int exitCode, boolean crashed, String output) {

        /**
         * Tells whether it ended of itself with code 0.
         *
         * @return true if it did
         */
        public boolean clean() {
            return exitCode == 0 && !crashed;
        }
    }

    /**
     * Runs a main class.
     *
     * @param folder the empty working folder
     * @param seconds the time limit
     * @param flags the JVM's flags
     * @param main the class
     * @param arguments its arguments
     * @return how it ended
     * @throws IllegalStateException if it took longer; it is ended then
     */
    public static Outcome run(
            Path folder, int seconds, List<String> flags, Class<?> main, String... arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        Collections.addAll(command, "-cp", System.getProperty("java.class.path"));
        Collections.addAll(command, "-XX:-CreateCoredumpOnCrash", "-DOPT_OUT_TRACKING=true");
        command.addAll(flags);
        command.add(main.getName());
        command.addAll(Arrays.asList(arguments));
        Path output = folder.resolve("output.txt");
        Process process =
                new ProcessBuilder(command)
                        .directory(folder.toFile())
                        .redirectErrorStream(true)
                        .redirectOutput(output.toFile())
                        .start();
        try {
            if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
                throw new IllegalStateException(
                        main.getName() + " still runs after " + seconds + " s: " + tail(output));
            }
        } finally {
            process.destroyForcibly();
        }
        try (Stream<Path> files = Files.list(folder)) {
            boolean crashed = files.anyMatch(f -> f.getFileName().toString().startsWith("hs_err"));
            return new Outcome(process.exitValue(), crashed, tail(output));
        }
    }

    private static String tail(Path file) throws IOException {
        List<String> lines = Files.readAllLines(file);
        return String.join("\n", lines.subList(Math.max(0, lines.size() - 60), lines.size()));
    }
}
