package org.djlflash.cuda.build;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.djlflash.cuda.jit.CubinKey;
import org.djlflash.cuda.jit.KernelSource;
import org.djlflash.cuda.jit.PrebuiltCubins;
import org.djlflash.cuda.plan.KernelVariant;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CubinBuildTest {

    private static final KernelVariant MASK = new KernelVariant("dropout_mask", List.of(), "sm_80");

    /** More live numbers than the registers that the launch bounds leave. */
    private static final String SPILLING =
            """
            extern "C" __global__ void __launch_bounds__(1024, 2) flash_spill(float* p) {
                float x[96];
            #pragma unroll
                for (int i = 0; i < 96; ++i) x[i] = p[i * 32 + threadIdx.x];
                __syncthreads();
            #pragma unroll
                for (int i = 0; i < 96; ++i) p[i * 32 + threadIdx.x] = x[95 - i] * x[i];
            }
            """;

    @TempDir private Path temporary;

    private Nvcc nvcc;

    @BeforeEach
    void findNvcc() throws IOException {
        Assumptions.assumeTrue(Nvcc.find().isPresent(), "nvcc is needed");
        nvcc = Nvcc.find().get();
    }

    @Test
    void unchangedKernelsAreNotCompiledAgainAndOldOnesVanish() throws Exception {
        Path folder = Files.createDirectories(temporary.resolve("jar"));
        Path cache = Files.createDirectories(temporary.resolve("cache"));
        Files.createFile(folder.resolve("old.cubin"));
        new CubinBuild(nvcc, cache).build(Set.of(MASK), folder);
        List<String> manifest = Files.readAllLines(folder.resolve(PrebuiltCubins.MANIFEST));

        Nvcc gone = new Nvcc(Path.of("/nowhere/nvcc"), nvcc.version());
        new CubinBuild(gone, cache).build(Set.of(MASK), folder);

        assertEquals(manifest, Files.readAllLines(folder.resolve(PrebuiltCubins.MANIFEST)));
        String key = CubinKey.of(new KernelSource().text(MASK.sourceFile()), MASK);
        assertEquals(1, manifest.size());
        assertTrue(manifest.get(0).matches(key + " [0-9a-f]{64} dropout_mask\\[\\] sm_80"));
        assertTrue(Files.exists(folder.resolve(key + ".cubin")));
        assertFalse(Files.exists(folder.resolve("old.cubin")));
        assertThrows(
                IOException.class,
                () ->
                        new CubinBuild(gone, cache)
                                .build(
                                        Set.of(
                                                new KernelVariant(
                                                        "dropout_mask", List.of(), "sm_90")),
                                        folder));
    }

    @Test
    void spilledRegistersFailTheBuild() throws IOException {
        Path source = Files.writeString(temporary.resolve("spill.cu"), SPILLING);
        KernelVariant variant = new KernelVariant("spill", List.of(), "sm_80");

        IOException e =
                assertThrows(
                        IOException.class,
                        () -> nvcc.compile(source, variant, temporary.resolve("spill.cubin")));

        assertTrue(e.getMessage().startsWith(variant + " spills registers"), e::getMessage);
    }

    @Test
    void everyEntryIsBuiltForEveryArchitecture() {
        Set<String> built =
                CommonVariants.list().stream()
                        .map(variant -> variant.entry() + " " + variant.architecture())
                        .collect(Collectors.toSet());

        for (String architecture : List.of("sm_80", "sm_86", "sm_89", "sm_90")) {
            for (String entry :
                    List.of(
                            "forward",
                            "backward_row_dot",
                            "backward",
                            "backward_convert_dq",
                            "decode_split",
                            "decode_combine",
                            "dropout_mask")) {
                assertTrue(built.contains(entry + " " + architecture), entry + architecture);
            }
        }
    }
}
