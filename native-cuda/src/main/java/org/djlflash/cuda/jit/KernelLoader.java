package org.djlflash.cuda.jit;

import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.djlflash.cuda.config.CudaSetting;
import org.djlflash.cuda.plan.KernelVariant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * From variant to loaded kernel: the cubin in the jar, else that of the disk cache, else a compiled
 * one; a cubin that the driver refuses counts as missing. Loaded kernels are kept. Thread-safe:
 * concurrent requests for one kernel do the work once, requests for different kernels run at the
 * same time.
 *
 * @param <K> the loaded kernel
 */
public final class KernelLoader<K> {

    private static final Logger LOG = LoggerFactory.getLogger(KernelLoader.class);

    private final KernelSource source;
    private final PrebuiltCubins prebuilt;
    private final CubinStore store;
    private final Supplier<CubinCompiler> compilerFinder;
    private final CubinOpener<K> opener;
    private final Map<KernelVariant, CompletableFuture<K>> kernels = new ConcurrentHashMap<>();
    private CubinCompiler compiler;

    /**
     * Creates a loader.
     *
     * @param source the device code
     * @param prebuilt the cubins in the jar
     * @param store the disk cache
     * @param compilerFinder finds the compiler when first needed; may throw {@link
     *     KernelUnavailableException}
     * @param opener gives cubins to the driver
     */
    public KernelLoader(
            KernelSource source,
            PrebuiltCubins prebuilt,
            CubinStore store,
            Supplier<CubinCompiler> compilerFinder,
            CubinOpener<K> opener) {
        this.source = source;
        this.prebuilt = prebuilt;
        this.store = store;
        this.compilerFinder = compilerFinder;
        this.opener = opener;
    }

    /**
     * Returns a kernel, loading it at the first request. A failure is not kept: the next request
     * tries again.
     *
     * @param variant the kernel
     * @return the loaded kernel
     * @throws KernelUnavailableException if there is no cubin and none can be made
     */
    public K load(KernelVariant variant) {
        CompletableFuture<K> known = kernels.get(variant);
        if (known == null) {
            CompletableFuture<K> own = new CompletableFuture<>();
            known = kernels.putIfAbsent(variant, own);
            if (known == null) {
                return fulfil(variant, own);
            }
        }
        try {
            return known.join();
        } catch (CompletionException e) {
            // The thread that did the work has thrown the original; this one needs its own trace.
            throw new KernelUnavailableException(
                    "Kernel "
                            + variant
                            + " could not be loaded by another thread: "
                            + e.getCause().getMessage(),
                    e.getCause());
        }
    }

    private K fulfil(KernelVariant variant, CompletableFuture<K> own) {
        try {
            K kernel = find(variant);
            own.complete(kernel);
            return kernel;
        } catch (RuntimeException | Error e) {
            kernels.remove(variant, own);
            own.completeExceptionally(e);
            throw e;
        }
    }

    private K find(KernelVariant variant) {
        String text = source.text(variant.sourceFile());
        return tryOpen(variant, "jar", prebuilt.get(CubinKey.of(text, variant)))
                .orElseGet(() -> findWithCompiler(variant, text));
    }

    /** The cache is asked here because its keys name the compiler at hand. */
    private K findWithCompiler(KernelVariant variant, String text) {
        CubinCompiler compiler = compiler(variant);
        String key = CubinKey.of(text, variant, compiler.identity());
        return tryOpen(variant, "cache", store.get(key))
                .orElseGet(() -> compile(variant, text, compiler, key));
    }

    private K compile(KernelVariant variant, String text, CubinCompiler compiler, String key) {
        if (!CudaSetting.COMPILE.isOn()) {
            throw new KernelUnavailableException(
                    "Kernel %s is neither in the jar nor in the cache folder %s, and %s=false forbids"
                                    .formatted(
                                            variant, store.folder(), CudaSetting.COMPILE.property())
                            + " compiling it.");
        }
        long start = System.nanoTime();
        byte[] cubin = compiler.compile(text, variant);
        LOG.info(
                "Compiled {} with {} in {} ms.",
                variant,
                compiler.identity(),
                (System.nanoTime() - start) / 1_000_000);
        try {
            K kernel = opener.open(variant, cubin);
            store.put(key, cubin);
            return kernel;
        } catch (CubinRefusedException e) {
            throw new KernelUnavailableException(
                    "The driver refuses kernel %s although %s made it just now: %s"
                            .formatted(variant, compiler.identity(), e.getMessage()),
                    e);
        }
    }

    private Optional<K> tryOpen(KernelVariant variant, String origin, Optional<byte[]> cubin) {
        if (cubin.isEmpty()) {
            return Optional.empty();
        }
        try {
            K kernel = opener.open(variant, cubin.get());
            LOG.debug("Loaded {} from the {}.", variant, origin);
            return Optional.of(kernel);
        } catch (CubinRefusedException e) {
            LOG.info("The driver refuses {} from the {}: {}", variant, origin, e.getMessage());
            return Optional.empty();
        }
    }

    private synchronized CubinCompiler compiler(KernelVariant variant) {
        if (compiler == null) {
            try {
                compiler = compilerFinder.get();
            } catch (KernelUnavailableException e) {
                throw new KernelUnavailableException(
                        "Kernel %s is not in the jar and cannot be compiled. %s"
                                .formatted(variant, e.getMessage()),
                        e);
            }
        }
        return compiler;
    }
}
