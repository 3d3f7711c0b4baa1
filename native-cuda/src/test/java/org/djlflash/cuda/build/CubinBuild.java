package org.djlflash.cuda.build;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.djlflash.cuda.jit.CubinKey;
import org.djlflash.cuda.jit.KernelSource;
import org.djlflash.cuda.jit.PrebuiltCubins;
import org.djlflash.cuda.jit.Sha256;
import org.djlflash.cuda.plan.KernelVariant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compiles the common kernels and puts them beside the classes, with the manifest that {@link
 * PrebuiltCubins} reads. Results are kept by their key, so that a second build compiles only what
 * changed. Fails if a kernel spills registers; does nothing where there is no nvcc.
 */
public final class CubinBuild {

    private static final Logger LOG = LoggerFactory.getLogger(CubinBuild.class);

    private final Nvcc nvcc;
    private final Path cache;
    private final KernelSource source = new KernelSource();
    private final AtomicInteger compiled = new AtomicInteger();

    CubinBuild(Nvcc nvcc, Path cache) {
        this.nvcc = nvcc;
        this.cache = cache;
    }

    /**
     * Runs the tool.
     *
     * @param arguments the folder of the classes; the folder that keeps results
     * @throws IOException if a kernel does not compile or spills registers
     * @throws InterruptedException if the build is interrupted
     */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        Path folder = Path.of(arguments[0]).resolve(PrebuiltCubins.FOLDER);
        Optional<Nvcc> nvcc = Nvcc.find();
        if (nvcc.isEmpty()) {
            LOG.info("No nvcc found: the jar gets no cubins, kernels are compiled at first use.");
            return;
        }
        Path cache = Files.createDirectories(Path.of(arguments[1]));
        new CubinBuild(nvcc.get(), cache).build(CommonVariants.list(), folder);
    }

    void build(Set<KernelVariant> variants, Path folder) throws IOException, InterruptedException {
        long start = System.nanoTime();
        ExecutorService threads =
                Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
        List<Future<Built>> results = new ArrayList<>();
        List<Built> built = new ArrayList<>();
        List<String> failures = new ArrayList<>();
        variants.forEach(variant -> results.add(threads.submit(() -> build(variant))));
        threads.shutdown();
        for (Future<Built> result : results) {
            try {
                built.add(result.get());
            } catch (ExecutionException e) {
                failures.add(e.getCause().getMessage());
            }
        }
        if (!failures.isEmpty()) {
            // All of them: who changes a kernel wants to know every variant that suffers.
            throw new IOException(String.join("\n", failures));
        }
        publish(built, folder);
        LOG.info(
                "{} cubins in the jar, {} of them compiled now with nvcc {}, in {} s.",
                variants.size(),
                compiled,
                nvcc.version(),
                (System.nanoTime() - start) / 1_000_000_000);
    }

    /** A cubin and what the manifest says of it. */
    private record Built(KernelVariant variant, String key, byte[] cubin) {

        String manifestLine() {
            String hash = HexFormat.of().formatHex(Sha256.of(cubin));
            return key + " " + hash + " " + variant;
        }
    }

    private Built build(KernelVariant variant) throws IOException {
        String text = source.text(variant.sourceFile());
        String name = CubinKey.of(text, variant, "nvcc " + nvcc.version());
        Path kept = cache.resolve(name + ".cubin");
        if (!Files.exists(kept)) {
            Path file = Files.writeString(cache.resolve(name + ".cu"), text);
            Path fresh = cache.resolve(name + ".new");
            nvcc.compile(file, variant, fresh);
            Files.move(fresh, kept, StandardCopyOption.REPLACE_EXISTING);
            Files.delete(file);
            compiled.incrementAndGet();
        }
        return new Built(variant, CubinKey.of(text, variant), Files.readAllBytes(kept));
    }

    private static void publish(List<Built> built, Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> old = Files.list(folder)) {
                for (Path file : old.toList()) {
                    Files.delete(file);
                }
            }
        }
        Files.createDirectories(folder);
        for (Built one : built) {
            Files.write(folder.resolve(one.key() + ".cubin"), one.cubin());
        }
        Files.write(
                folder.resolve(PrebuiltCubins.MANIFEST),
                built.stream()
                        .sorted(Comparator.comparing(Built::key))
                        .map(Built::manifestLine)
                        .toList());
    }
}
