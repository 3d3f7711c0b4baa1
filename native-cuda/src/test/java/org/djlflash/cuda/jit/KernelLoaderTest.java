package org.djlflash.cuda.jit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.djlflash.cuda.config.CudaSetting;
import org.djlflash.cuda.plan.KernelVariant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The order jar, cache, compiler, with fakes for the jar, the compiler and the driver. */
class KernelLoaderTest {

    private static final KernelVariant VARIANT =
            new KernelVariant("forward", List.of("HEAD_DIM=64"), "sm_80");
    private static final byte[] PREBUILT = {1, 2, 3};

    @TempDir private Path temporary;

    private final KernelSource source = new KernelSource();
    private final FakeCompiler compiler = new FakeCompiler("fake 1");
    private final List<byte[]> opened = new ArrayList<>();
    private CubinStore store;

    @BeforeEach
    void openStore() {
        store = CubinStore.open(temporary.resolve("cubins"));
    }

    @AfterEach
    void allowCompiling() {
        System.clearProperty(CudaSetting.COMPILE.property());
    }

    @Test
    void jarComesFirst() throws IOException {
        writeJar(PREBUILT, PREBUILT);

        assertArrayEquals(PREBUILT, loader().load(VARIANT));
        assertEquals(0, compiler.calls());
        assertEquals(0, store.size());
    }

    @Test
    void damagedCubinInTheJarIsCompiled() throws IOException {
        writeJar(PREBUILT, new byte[] {1, 2, 4});

        assertArrayEquals(compiler.cubinOf(VARIANT), loader().load(VARIANT));
    }

    @Test
    void compiledKernelIsFoundInTheCacheByTheNextProcess() {
        assertArrayEquals(compiler.cubinOf(VARIANT), loader().load(VARIANT));
        assertArrayEquals(compiler.cubinOf(VARIANT), loader().load(VARIANT));
        assertEquals(1, compiler.calls());
    }

    @Test
    void newCompilerDoesNotGetTheCodeOfAnOldOne() {
        loader().load(VARIANT);
        FakeCompiler newer = new FakeCompiler("fake 2");

        assertArrayEquals(newer.cubinOf(VARIANT), loader(newer, this::open).load(VARIANT));
        assertEquals(1, newer.calls());
    }

    @Test
    void loadedKernelIsKept() {
        KernelLoader<byte[]> loader = loader();

        assertSame(loader.load(VARIANT), loader.load(VARIANT));
        assertEquals(1, opened.size());
    }

    @Test
    void refusedCubinsAreReplacedByCompiledOnes() throws IOException {
        writeJar(PREBUILT, PREBUILT);
        String key = CubinKey.of(source.text(VARIANT.sourceFile()), VARIANT, compiler.identity());
        store.put(key, new byte[] {9});

        byte[] kernel =
                loader(
                                compiler,
                                (variant, cubin) -> {
                                    open(variant, cubin);
                                    if (cubin.length < 10) {
                                        throw new CubinRefusedException("too new", null);
                                    }
                                    return cubin;
                                })
                        .load(VARIANT);

        assertArrayEquals(compiler.cubinOf(VARIANT), kernel);
        assertEquals(3, opened.size());
        assertArrayEquals(kernel, store.get(key).orElseThrow());
    }

    @Test
    void kernelThatIsRefusedThoughJustCompiled() {
        KernelLoader<byte[]> loader =
                loader(
                        compiler,
                        (variant, cubin) -> {
                            throw new CubinRefusedException("driver too old", null);
                        });

        assertMessage(loader, "driver too old", VARIANT.toString(), "fake 1");
        assertEquals(0, store.size());
    }

    @Test
    void otherFailuresOfTheDriverAreNoReasonToCompile() throws IOException {
        writeJar(PREBUILT, PREBUILT);
        KernelLoader<byte[]> loader =
                loader(
                        compiler,
                        (variant, cubin) -> {
                            throw new IllegalStateException("out of memory");
                        });

        assertThrows(IllegalStateException.class, () -> loader.load(VARIANT));
        assertEquals(0, compiler.calls());
    }

    @Test
    void forbiddenCompilingNamesTheKernelAndTheSetting() {
        System.setProperty(CudaSetting.COMPILE.property(), "false");

        assertMessage(loader(), VARIANT.toString(), CudaSetting.COMPILE.property());
        assertEquals(0, compiler.calls());
    }

    @Test
    void forbiddenCompilingStillReadsTheCache() {
        loader().load(VARIANT);
        System.setProperty(CudaSetting.COMPILE.property(), "false");

        assertArrayEquals(compiler.cubinOf(VARIANT), loader().load(VARIANT));
    }

    @Test
    void missingCompilerNamesTheKernel() {
        KernelLoader<byte[]> loader =
                new KernelLoader<>(
                        source,
                        jar(),
                        store,
                        () -> {
                            throw new KernelUnavailableException("No NVRTC.");
                        },
                        this::open);

        assertMessage(loader, VARIANT.toString(), "No NVRTC.");
    }

    @Test
    void failureIsNotKept() throws Exception {
        List<String> failures = new ArrayList<>(List.of("first"));
        KernelLoader<byte[]> loader =
                loader(
                        compiler,
                        (variant, cubin) -> {
                            if (!failures.isEmpty()) {
                                throw new IllegalStateException(failures.remove(0));
                            }
                            return cubin;
                        });

        assertThrows(IllegalStateException.class, () -> loader.load(VARIANT));
        assertArrayEquals(compiler.cubinOf(VARIANT), loader.load(VARIANT));
    }

    @Test
    void concurrentRequestsCompileOnce() throws InterruptedException, ExecutionException {
        KernelLoader<byte[]> loader = loader();
        CountDownLatch start = new CountDownLatch(1);
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            List<Future<byte[]>> results = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                results.add(
                        threads.submit(
                                () -> {
                                    start.await();
                                    return loader.load(VARIANT);
                                }));
            }
            start.countDown();
            for (Future<byte[]> result : results) {
                assertSame(loader.load(VARIANT), result.get());
            }
        } finally {
            threads.shutdown();
        }
        assertEquals(1, compiler.calls());
        assertEquals(1, opened.size());
    }

    private byte[] open(KernelVariant variant, byte[] cubin) {
        synchronized (opened) {
            opened.add(cubin);
        }
        return cubin;
    }

    private KernelLoader<byte[]> loader() {
        return loader(compiler, this::open);
    }

    private KernelLoader<byte[]> loader(FakeCompiler fake, CubinOpener<byte[]> opener) {
        return new KernelLoader<>(source, jar(), store, () -> fake, opener);
    }

    private PrebuiltCubins jar() {
        try {
            URL[] urls = {temporary.toUri().toURL()};
            return new PrebuiltCubins(
                    new URLClassLoader(urls, ClassLoader.getPlatformClassLoader()));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private void writeJar(byte[] listed, byte[] stored) throws IOException {
        Path folder = Files.createDirectories(temporary.resolve(PrebuiltCubins.FOLDER));
        String key = CubinKey.of(source.text(VARIANT.sourceFile()), VARIANT);
        Files.write(folder.resolve(key + ".cubin"), stored);
        String hash = HexFormat.of().formatHex(Sha256.of(listed));
        Files.writeString(
                folder.resolve(PrebuiltCubins.MANIFEST), key + " " + hash + " " + VARIANT + "\n");
    }

    private static void assertMessage(KernelLoader<byte[]> loader, String... parts) {
        KernelUnavailableException e =
                assertThrows(KernelUnavailableException.class, () -> loader.load(VARIANT));
        for (String part : parts) {
            assertTrue(e.getMessage().contains(part), e::getMessage);
        }
    }
}
