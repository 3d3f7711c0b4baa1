package org.djlflash.cuda.jit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.djlflash.cuda.config.CudaSetting;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.BiasKind;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.plan.GradientNeed;
import org.djlflash.cuda.plan.KernelStep;
import org.djlflash.cuda.plan.KernelVariant;
import org.djlflash.cuda.plan.Sm80Planner;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NvrtcCompilerTest {

    private static final KernelVariant VARIANT =
            new KernelVariant("probe", List.of("VALUE=7"), "sm_80");

    @TempDir private Path temporary;

    private String before = System.getProperty(CudaSetting.NVRTC.property());

    @AfterEach
    void restoreSetting() {
        if (before == null) {
            System.clearProperty(CudaSetting.NVRTC.property());
        } else {
            System.setProperty(CudaSetting.NVRTC.property(), before);
        }
    }

    @Test
    void settingIsTheOnlyPlaceLookedAt() throws IOException {
        Path library = Files.createFile(temporary.resolve("libnvrtc.so.12"));

        System.setProperty(CudaSetting.NVRTC.property(), "/nowhere/libnvrtc.so");
        assertEquals(List.of("/nowhere/libnvrtc.so"), finder(temporary).candidates());

        System.setProperty(CudaSetting.NVRTC.property(), temporary.toString());
        assertEquals(List.of(library.toString()), finder().candidates());
    }

    @Test
    void givenFoldersComeBeforeCudaAndTheLoaderComesLast() throws IOException {
        System.clearProperty(CudaSetting.NVRTC.property());
        Path torch = Files.createDirectory(temporary.resolve("torch"));
        Files.createFile(torch.resolve("libnvrtc-b51b459d.so.12"));
        Files.createFile(torch.resolve("libnvrtc-builtins.so.12.8"));
        Path cuda = Files.createDirectories(temporary.resolve("cuda").resolve("lib64"));
        Files.createFile(cuda.resolve("libnvrtc.so"));
        Files.createFile(cuda.resolve("libnvrtc.so.13"));
        Files.createFile(cuda.resolve("libnvrtc.alt.so.13"));

        List<String> candidates =
                new NvrtcFinder(
                                List.of(torch),
                                Map.of("CUDA_HOME", cuda.getParent().toString())::get)
                        .candidates();

        assertEquals(
                List.of(
                        torch.resolve("libnvrtc-b51b459d.so.12").toString(),
                        cuda.resolve("libnvrtc.so.13").toString(),
                        cuda.resolve("libnvrtc.so").toString()),
                candidates.subList(0, 3));
        assertEquals("libnvrtc.so", candidates.get(candidates.size() - 1));
    }

    @Test
    void librariesThatAnybodyCanReplaceAreNotOpened() throws IOException {
        System.clearProperty(CudaSetting.NVRTC.property());
        Path library = Files.createFile(temporary.resolve("libnvrtc.so.13"));
        assertTrue(finder(temporary).candidates().contains(library.toString()));

        Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString("rwxrwxrwx"));

        assertTrue(!finder(temporary).candidates().contains(library.toString()));
    }

    @Test
    void missingLibraryGivesEveryPlaceThatWasTried() throws IOException {
        Path damaged = Files.writeString(temporary.resolve("libnvrtc.so.12"), "not a library");
        System.setProperty(CudaSetting.NVRTC.property(), temporary.toString());

        KernelUnavailableException e =
                assertThrows(KernelUnavailableException.class, () -> NvrtcCompiler.open(List.of()));

        assertTrue(e.getMessage().contains(CudaSetting.NVRTC.property()), e::getMessage);
        assertTrue(e.getMessage().contains(damaged.toString()), e::getMessage);
    }

    @Test
    void compiles() {
        byte[] cubin =
                compiler()
                        .compile(
                                "extern \"C\" __global__ void flash_probe(int* o) { *o = VALUE; }",
                                VARIANT);

        assertEquals(0x7f, cubin[0]);
        assertEquals('E', cubin[1]);
    }

    @Test
    void errorHoldsTheLogAndTheKernel() {
        NvrtcCompiler compiler = compiler();

        KernelUnavailableException e =
                assertThrows(
                        KernelUnavailableException.class,
                        () -> compiler.compile("int x = NO_SUCH_NAME;", VARIANT));

        assertTrue(e.getMessage().contains("NO_SUCH_NAME"), e::getMessage);
        assertTrue(e.getMessage().contains(VARIANT.toString()), e::getMessage);
    }

    /** The build uses nvcc, which forgives what NVRTC does not. */
    @Test
    void compilesEveryEntry() {
        NvrtcCompiler compiler = compiler();
        DeviceInfo device = new DeviceInfo(0, "H100", 9, 0, 132, 232448);
        AttentionProblem training =
                AttentionProblem.of(ElementType.BF16, new AttentionShape(1, 1, 1, 64, 64, 64))
                        .withGradient(GradientNeed.INPUTS)
                        .withBias(BiasKind.FLOAT)
                        .withDropout(0.5);
        AttentionProblem decode =
                AttentionProblem.of(ElementType.FP16, new AttentionShape(1, 1, 1, 1, 4096, 64))
                        .withDecode(true);
        List<KernelStep> steps = new ArrayList<>();
        steps.addAll(Sm80Planner.plan(training, device).forward());
        steps.addAll(Sm80Planner.plan(training, device).backward());
        steps.addAll(Sm80Planner.plan(decode, device).forward());
        steps.add(Sm80Planner.dropoutMask(training, device));
        KernelSource source = new KernelSource();

        for (KernelStep step : steps) {
            KernelVariant variant = step.variant();
            byte[] cubin = compiler.compile(source.text(variant.sourceFile()), variant);
            assertEquals(0x7f, cubin[0], variant::toString);
        }

        assertEquals(7, steps.size());
    }

    private static NvrtcCompiler compiler() {
        try {
            return NvrtcCompiler.open(List.of());
        } catch (KernelUnavailableException e) {
            Assumptions.abort("NVRTC is needed: " + e.getMessage());
            throw e;
        }
    }

    private static NvrtcFinder finder(Path... folders) {
        return new NvrtcFinder(List.of(folders), name -> null);
    }
}
