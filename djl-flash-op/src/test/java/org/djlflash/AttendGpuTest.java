package org.djlflash;

import ai.djl.Device;
import ai.djl.ndarray.types.DataType;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.djlflash.testkit.RequiresGpu;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Outputs and gradients of every backend on a GPU against attention in double precision. */
@RequiresGpu
class AttendGpuTest {

    static Stream<AttendCases.Case> torch() {
        return Stream.concat(
                AttendCases.of(Backend.TORCH_SDPA, DataType.FLOAT32).stream(),
                AttendCases.of(Backend.REFERENCE, DataType.FLOAT64).stream());
    }

    static Stream<AttendCases.Case> cuda() {
        List<AttendCases.Case> cases = new ArrayList<>();
        addCuda(DataType.FLOAT16, cases);
        addCuda(DataType.FLOAT32, cases);
        for (AttendCases.Case c : AttendCases.of(Backend.CUDA, DataType.FLOAT32)) {
            if (c.queries() > 60 && c.causal() == CausalAlignment.BOTTOM_RIGHT) {
                cases.add(c.computedIn(DataType.BFLOAT16));
                cases.add(c.computedIn(DataType.FLOAT16));
            }
        }
        return cases.stream();
    }

    private static void addCuda(DataType type, List<AttendCases.Case> cases) {
        for (AttendCases.Case c : AttendCases.of(Backend.CUDA, type)) {
            if (c.queries() > 0 && c.keys() > 0) {
                boolean decode = c.queries() <= 16 && !c.mask() && !c.bias();
                if (type == DataType.FLOAT16 || !decode) {
                    cases.add(c.withoutGradient());
                }
                boolean square = c.queries() == c.keys();
                boolean aligned =
                        c.causal() == CausalAlignment.NONE
                                || c.causal() == CausalAlignment.BOTTOM_RIGHT
                                || c.causal() == CausalAlignment.TOP_LEFT && square;
                if (aligned && !c.mask() && !c.bias()) {
                    cases.add(c);
                }
            }
        }
    }

    /** PyTorch's own kernels, while ours are registered for its flash attention. */
    static Stream<AttendCases.Case> torchBesideCuda() {
        return Stream.concat(
                Stream.of(
                        AttendCases.of(
                                Backend.TORCH_SDPA,
                                DataType.FLOAT16,
                                4,
                                2,
                                65,
                                65,
                                160,
                                CausalAlignment.BOTTOM_RIGHT,
                                null,
                                false,
                                false)),
                AttendCases.of(Backend.TORCH_SDPA, DataType.FLOAT16).stream());
    }

    @ParameterizedTest
    @MethodSource({"torch", "cuda", "torchBesideCuda"})
    void matchesDoublePrecision(AttendCases.Case c) {
        AttendCases.check(c, Device.gpu());
    }
}
