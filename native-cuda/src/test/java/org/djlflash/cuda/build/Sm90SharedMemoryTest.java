package org.djlflash.cuda.build;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.djlflash.cuda.jit.KernelSource;
import org.djlflash.cuda.plan.AttentionPlanner;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.plan.KernelStep;
import org.djlflash.cuda.plan.KernelVariant;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A block that is given less shared memory than it lays out would write beyond it. */
class Sm90SharedMemoryTest {

    private static final DeviceInfo HOPPER = new DeviceInfo(0, "H100", 9, 0, 132, 227 * 1024);

    @TempDir private Path temporary;

    @ParameterizedTest
    @ValueSource(ints = {64, 96, 128, 256})
    void isWhatTheDeviceCodeLaysOut(int headSize) throws IOException {
        Optional<Nvcc> nvcc = Nvcc.find();
        assumeTrue(nvcc.isPresent(), "there is no nvcc");
        AttentionShape shape = new AttentionShape(1, 1, 1, 512, 512, headSize);
        AttentionProblem problem = AttentionProblem.of(ElementType.FP16, shape);
        KernelStep step = AttentionPlanner.plan(problem, HOPPER).forward().get(0);
        KernelVariant variant = step.variant();
        String text =
                new KernelSource().text("attention/forward/forward_sm90_block.cuh")
                        + """
                        static_assert(flash::ForwardSm90<flash::ELEMENT, HEAD_DIM, BLOCK_N, WARPGROUPS,
                                          QUERY_STAGES, KEY_STAGES>::SHARED_BYTES == %d, "as planned");
                        """
                                .formatted(step.sharedBytes());
        Path source = Files.writeString(temporary.resolve("layout.cu"), text);

        nvcc.get()
                .compile(
                        source,
                        new KernelVariant("layout", variant.defines(), variant.architecture()),
                        temporary.resolve("layout.cubin"));
    }
}
