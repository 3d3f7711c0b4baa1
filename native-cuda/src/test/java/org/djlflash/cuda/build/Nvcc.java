package org.djlflash.cuda.build;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.djlflash.cuda.plan.KernelVariant;

/**
 * CUDA's compiler on the build machine. Thread-safe.
 *
 * @param file the executable
 * @param version such as {@code 13.0.88}
 */
public record Nvcc(Path file, String version) {

    private static final Pattern VERSION = Pattern.compile("V(\\d+\\.\\d+\\.\\d+)");

    /** What ptxas says of each kernel; anything but 0 is memory traffic that nobody asked for. */
    private static final Pattern SPILL =
            Pattern.compile("(\\d+) bytes spill stores, (\\d+) bytes spill loads");

    /** A few addresses that FLOAT32 reads once a step; tiles without them are slower. */
    private static final int FP32_SPILL = 64;

    /** Register budgets that are ignored, matrix products that wait for each other. */
    private static final Pattern SERIALIZED = Pattern.compile(".*\\bC75(08|1[0-2]|14|15)\\b.*");

    /**
     * Looks for the compiler on the path, in CUDA_HOME, CUDA_PATH and /usr/local/cuda.
     *
     * @return the compiler, empty where there is none
     * @throws IOException if it cannot be started
     */
    public static Optional<Nvcc> find() throws IOException {
        List<Path> folders = new ArrayList<>();
        Arrays.stream(System.getenv("PATH").split(":")).map(Path::of).forEach(folders::add);
        for (String variable : List.of("CUDA_HOME", "CUDA_PATH")) {
            Optional.ofNullable(System.getenv(variable))
                    .ifPresent(home -> folders.add(Path.of(home, "bin")));
        }
        folders.add(Path.of("/usr/local/cuda/bin"));
        for (Path folder : folders) {
            Path file = folder.resolve("nvcc");
            if (Files.isExecutable(file)) {
                String text = run(List.of(file.toString(), "--version"));
                Matcher version = VERSION.matcher(text);
                return Optional.of(new Nvcc(file, version.find() ? version.group(1) : text));
            }
        }
        return Optional.empty();
    }

    /**
     * Compiles a kernel.
     *
     * @param source a file with the whole source
     * @param variant the compile-time values and the architecture
     * @param cubin the file to write
     * @throws IOException if compiling fails, the kernel spills registers or the assembler
     *     serializes its matrix products
     */
    public void compile(Path source, KernelVariant variant, Path cubin) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(file.toString());
        command.addAll(variant.compilerOptions());
        command.addAll(List.of("-cubin", "-Xptxas", "-v", "-o", cubin.toString()));
        command.add(source.toString());
        String log = run(command);
        Matcher spill = SPILL.matcher(log);
        while (spill.find()) {
            if (Integer.parseInt(spill.group(1)) > allowedSpill(variant)) {
                throw new IOException(variant + " spills registers: " + spill.group());
            }
        }
        Matcher serialized = SERIALIZED.matcher(log);
        if (serialized.find()) {
            throw new IOException(variant + " loses its overlap: " + serialized.group());
        }
    }

    private static int allowedSpill(KernelVariant variant) {
        return variant.defines().contains("ELEMENT=fp32") ? FP32_SPILL : 0;
    }

    /**
     * Runs a program and waits for it.
     *
     * @param command the program and its arguments
     * @return what it printed on both channels
     * @throws IOException if it cannot be started or fails
     */
    static String run(List<String> command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        byte[] output = process.getInputStream().readAllBytes();
        String text = new String(output, StandardCharsets.UTF_8);
        try {
            if (process.waitFor() != 0) {
                throw new IOException(String.join(" ", command) + " failed:\n" + text);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while waiting for " + command.get(0), e);
        }
        return text;
    }
}
