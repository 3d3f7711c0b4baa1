package org.djlflash.cuda.build;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.djlflash.cuda.config.CudaSetting;
import org.djlflash.cuda.jit.KernelSource;
import org.djlflash.cuda.plan.AttentionPlanner;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.plan.GradientNeed;
import org.djlflash.cuda.plan.KernelStep;
import org.djlflash.cuda.plan.KernelVariant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A block that is given less shared memory than it lays out would write beyond it. */
class Sm90SharedMemoryTest {

    private static final DeviceInfo HOPPER = new DeviceInfo(0, "H100", 9, 0, 132, 227 * 1024);

    @TempDir private Path temporary;

    @AfterEach
    void clear() {
        System.clearProperty(CudaSetting.HOPPER_DECODE.property());
    }

    @ParameterizedTest
    @ValueSource(ints = {64, 96, 128, 256})
    void ofForwardIsWhatTheDeviceCodeLaysOut(int headSize) throws IOException {
        check(
                AttentionPlanner.plan(problem(headSize), HOPPER).forward().get(0),
                "attention/forward/forward_sm90_block.cuh",
                "ForwardSm90<flash::ELEMENT, HEAD_DIM, BLOCK_N, WARPGROUPS, QUERY_STAGES,"
                        + " KEY_STAGES>");
    }

    @ParameterizedTest
    @ValueSource(ints = {64, 96, 128})
    void ofBackwardIsWhatTheDeviceCodeLaysOut(int headSize) throws IOException {
        AttentionProblem training = problem(headSize).withGradient(GradientNeed.INPUTS);
        check(
                AttentionPlanner.plan(training, HOPPER).backward().get(1),
                "attention/backward/backward_sm90_block.cuh",
                "BackwardSm90<flash::ELEMENT, HEAD_DIM, BLOCK_M>");
    }

    @ParameterizedTest
    @CsvSource({
        // head size, heads that share a key head, batch of four of these
        "64, 1, 2",
        "64, 32, 64",
        "96, 8, 1",
        "96, 9, 2",
        "128, 1, 1",
        "128, 8, 64",
        "128, 16, 2",
        "256, 8, 2"
    })
    void ofDecodeIsWhatTheDeviceCodeLaysOut(int headSize, int heads, int batch) throws IOException {
        AttentionShape shape = new AttentionShape(batch, 4 * heads, 4, 1, 512, headSize);
        AttentionProblem problem = AttentionProblem.of(ElementType.FP16, shape).withDecode(true);
        System.setProperty(CudaSetting.HOPPER_DECODE.property(), "true");
        check(
                AttentionPlanner.plan(problem, HOPPER).forward().get(0),
                "attention/decode/decode_sm90_block.cuh",
                "DecodeSm90<flash::ELEMENT, HEAD_DIM, ROWS, STAGES, CLUSTER>");
    }

    private static AttentionProblem problem(int headSize) {
        AttentionShape shape = new AttentionShape(1, 1, 1, 512, 512, headSize);
        return AttentionProblem.of(ElementType.FP16, shape);
    }

    private void check(KernelStep step, String file, String type) throws IOException {
        Optional<Nvcc> nvcc = Nvcc.find();
        assumeTrue(nvcc.isPresent(), "there is no nvcc");
        KernelVariant variant = step.variant();
        String text =
                new KernelSource().text(file)
                        + "static_assert(flash::%s::SHARED_BYTES == %d, \"as planned\");"
                                .formatted(type, step.sharedBytes());
        Path source = Files.writeString(temporary.resolve("layout.cu"), text);

        nvcc.get()
                .compile(
                        source,
                        new KernelVariant("layout", variant.defines(), variant.architecture()),
                        temporary.resolve("layout.cubin"));
    }
}
