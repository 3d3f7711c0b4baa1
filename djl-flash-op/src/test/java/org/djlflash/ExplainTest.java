package org.djlflash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.djlflash.AttentionExplanation.Verdict;
import org.djlflash.backend.BackendSelector;
import org.djlflash.testkit.ChildJvm;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every reason against every backend, each beside the nearest request that has none. */
class ExplainTest {

    /** A request that every backend can do, until something about it is changed. */
    private static final class Request {

        private DataType type = DataType.FLOAT32;
        private DataType computeType = DataType.FLOAT32;
        private Device device = Device.cpu();
        private boolean gradient = true;
        private boolean deterministic;

        AttentionRequest build() {
            return new AttentionRequest(
                    2,
                    4,
                    2,
                    3,
                    5,
                    8,
                    type,
                    computeType,
                    device,
                    gradient,
                    CausalAlignment.BOTTOM_RIGHT,
                    true,
                    true,
                    true,
                    0.1f,
                    deterministic);
        }
    }

    @Test
    void allBackendsAreListedInTheirOrder() {
        AttentionExplanation explanation = FlashAttention.explain(new Request().build());
        assertEquals(
                Arrays.asList(Backend.values()),
                explanation.verdicts().stream().map(Verdict::backend).collect(Collectors.toList()));
        assertTrue(explanation.verdicts().stream().allMatch(v -> v.reasons().isEmpty()));
        assertEquals(Optional.of(Backend.TORCH_SDPA), explanation.chosen());
        assertEquals(
                "B=2 N=4/2 T=3 F=5 H=8 float32 on cpu causal BOTTOM_RIGHT key lengths mask bias"
                        + " dropout 0.1 with gradients\n"
                        + "  torch-sdpa: chosen\n"
                        + "  reference: possible",
                explanation.toString());
    }

    @Test
    void requestsPrintOnOneLine() {
        Request request = new Request();
        request.computeType = DataType.BFLOAT16;
        request.device = Device.gpu(1);
        request.gradient = false;
        request.deterministic = true;
        assertEquals(
                "B=2 N=4/2 T=3 F=5 H=8 float32 computed in bfloat16 on gpu1 causal BOTTOM_RIGHT"
                        + " key lengths mask bias dropout 0.1 deterministic without gradients",
                request.build().toString());
    }

    @Test
    void sdpaHasNoDeterministicGradientOnGpus() {
        Request request = new Request();
        request.deterministic = true;
        request.device = Device.gpu(0);
        assertReasons(
                request,
                Backend.TORCH_SDPA,
                "A deterministic gradient is asked for; PyTorch's fused backward adds up in any"
                        + " order on GPUs.");
        request.gradient = false;
        assertReasons(request, Backend.TORCH_SDPA);
        request.gradient = true;
        request.deterministic = false;
        assertReasons(request, Backend.TORCH_SDPA);
        request.deterministic = true;
        request.device = Device.cpu();
        assertReasons(request, Backend.TORCH_SDPA);
    }

    @ParameterizedTest
    @CsvSource({"FLOAT16", "BFLOAT16"})
    void theReferenceIsPreciseOrNothing(DataType computeType) {
        Request request = new Request();
        request.computeType = computeType;
        assertReasons(
                request,
                Backend.REFERENCE,
                "The compute type is "
                        + computeType
                        + "; plain NDArray sums are precise enough in float32 and float64 only.",
                "The arrays are float32, to be computed in "
                        + computeType
                        + "; NDArray conversions are not recorded by autograd, so the types must"
                        + " be equal.");
        request.computeType = DataType.FLOAT32;
        assertReasons(request, Backend.REFERENCE);
    }

    @Test
    void theReferenceConvertsNothing() {
        Request request = new Request();
        request.computeType = DataType.FLOAT64;
        assertReasons(
                request,
                Backend.REFERENCE,
                "The arrays are float32, to be computed in float64; NDArray conversions are not"
                        + " recorded by autograd, so the types must be equal.");
        request.type = DataType.FLOAT64;
        assertReasons(request, Backend.REFERENCE);
        request.type = DataType.FLOAT16;
        request.computeType = DataType.FLOAT16;
        assertReasons(
                request,
                Backend.REFERENCE,
                "The compute type is float16; plain NDArray sums are precise enough in float32 and"
                        + " float64 only.");
    }

    /** Without JNA's native part, PyTorch's functions cannot be bound. */
    @Test
    void sdpaNeedsPyTorchsFunctions(@TempDir Path folder) throws IOException, InterruptedException {
        List<String> withoutJna =
                List.of("-Djna.nosys=true", "-Djna.nounpack=true", "-Djna.noclasspath=true");
        ChildJvm.Outcome outcome = ChildJvm.run(folder, 60, withoutJna, Child.class, "missing");
        assertTrue(outcome.clean(), outcome::toString);
        ChildJvm.Outcome control = ChildJvm.run(folder, 60, List.of(), Child.class, "there");
        assertTrue(control.clean(), control::toString);
    }

    /** What happens in a JVM of its own. */
    static final class Child {

        private Child() {}

        /**
         * Explains a request, and demands what is expected.
         *
         * @param arguments "there" or "missing"
         */
        public static void main(String... arguments) {
            Verdict sdpa = FlashAttention.explain(new Request().build()).verdicts().get(0);
            boolean missing =
                    sdpa.reasons().size() == 1
                            && sdpa.reasons()
                                    .get(0)
                                    .startsWith("PyTorch's stable C ABI is not available: ");
            if (missing != arguments[0].equals("missing")) {
                throw new IllegalStateException(sdpa.toString());
            }
        }
    }

    @Test
    void aWishThatDoesNotFitIsRefusedWithAllReasons() {
        try (NDManager manager = Fixtures.manager()) {
            NDArray query = manager.zeros(new Shape(1, 2, 3, 4));
            AttentionOptions wish =
                    AttentionOptions.builder()
                            .optBackend(Backend.REFERENCE)
                            .optComputeType(DataType.BFLOAT16)
                            .build();
            AttentionExplanation explanation = FlashAttention.explain(query, query, query, wish);
            assertEquals(Optional.empty(), explanation.chosen());
            String message =
                    assertThrows(
                                    UnsupportedOperationException.class,
                                    () -> FlashAttention.attend(query, query, query, wish))
                            .getMessage();
            assertTrue(message.startsWith("backend reference does not fit: "), message);
            for (Verdict verdict : explanation.verdicts()) {
                assertTrue(message.contains(verdict.backend().id()), message);
                verdict.reasons().forEach(r -> assertTrue(message.contains(r), message));
            }
            assertEquals(2, explanation.verdicts().get(1).reasons().size());
        }
    }

    @Test
    void aWishThatFitsIsTaken() {
        try (NDManager manager = Fixtures.manager()) {
            NDArray query = manager.zeros(new Shape(1, 2, 3, 4));
            for (Backend backend : Backend.values()) {
                AttentionOptions wish = AttentionOptions.builder().optBackend(backend).build();
                assertEquals(
                        Optional.of(backend),
                        FlashAttention.explain(query, query, query, wish).chosen());
            }
        }
    }

    @Test
    void nothingFitsAHalfPreciseDeterministicGradientOnAGpu() {
        Request request = new Request();
        request.computeType = DataType.FLOAT16;
        request.device = Device.gpu(0);
        request.deterministic = true;
        AttentionExplanation explanation = FlashAttention.explain(request.build());
        assertEquals(Optional.empty(), explanation.chosen());
        String message =
                assertThrows(
                                UnsupportedOperationException.class,
                                () -> BackendSelector.select(request.build(), Optional.empty()))
                        .getMessage();
        assertEquals("no backend fits: " + explanation, message);
        assertEquals(1, explanation.verdicts().get(0).reasons().size());
        assertEquals(2, explanation.verdicts().get(1).reasons().size());
    }

    @Test
    void gradientsAreAskedForWhenTheyAreRecorded() {
        try (NDManager manager = Fixtures.manager()) {
            NDArray query = manager.zeros(new Shape(1, 2, 3, 4));
            NDArray leaf = Fixtures.leaf(manager.zeros(new Shape(1, 2, 3, 4)));
            NDArray bias = Fixtures.leaf(manager.zeros(new Shape(3, 3)));
            AttentionOptions plain = AttentionOptions.defaults();
            AttentionOptions biased = AttentionOptions.builder().optBias(bias).build();
            Fixtures.backward(
                    () -> {
                        assertTrue(asksForGradient(leaf, query, query, plain));
                        assertTrue(asksForGradient(query, leaf, query, plain));
                        assertTrue(asksForGradient(query, query, leaf.mul(2), plain));
                        assertTrue(asksForGradient(query, query, query, biased));
                        assertFalse(asksForGradient(query, query, query, plain));
                        return leaf;
                    },
                    manager.ones(leaf.getShape()));
        }
    }

    private static boolean asksForGradient(
            NDArray query, NDArray key, NDArray value, AttentionOptions options) {
        return FlashAttention.explain(query, key, value, options).request().gradient();
    }

    private static void assertReasons(Request request, Backend backend, String... reasons) {
        AttentionExplanation explanation = FlashAttention.explain(request.build());
        for (Verdict verdict : explanation.verdicts()) {
            if (verdict.backend() == backend) {
                assertEquals(List.of(reasons), verdict.reasons());
            }
        }
    }
}
