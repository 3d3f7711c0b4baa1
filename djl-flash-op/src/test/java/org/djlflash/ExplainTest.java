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

    /** A request that every backend of the CPU can do, until something about it is changed. */
    private static final class Request {

        private DataType type = DataType.FLOAT32;
        private DataType computeType = DataType.FLOAT32;
        private Device device = Device.cpu();
        private boolean gradient = true;
        private double scale = 1 / Math.sqrt(8);
        private CausalAlignment causal = CausalAlignment.BOTTOM_RIGHT;
        private float dropout = 0.1f;
        private boolean deterministic;
        private long heads = 4;
        private long queries = 3;
        private long headSize = 8;

        AttentionRequest build() {
            return new AttentionRequest(
                    2,
                    heads,
                    2,
                    queries,
                    5,
                    headSize,
                    type,
                    computeType,
                    device,
                    gradient,
                    scale,
                    causal,
                    true,
                    true,
                    true,
                    dropout,
                    deterministic,
                    0);
        }
    }

    @Test
    void allBackendsAreListedInTheirOrder() {
        AttentionExplanation explanation = FlashAttention.explain(new Request().build());
        assertEquals(
                Arrays.asList(Backend.values()),
                explanation.verdicts().stream().map(Verdict::backend).collect(Collectors.toList()));
        assertTrue(
                explanation.verdicts().stream()
                        .filter(v -> Fixtures.CPU_BACKENDS.contains(v.backend()))
                        .allMatch(v -> v.reasons().isEmpty()));
        assertEquals(Optional.of(Backend.TORCH_SDPA), explanation.chosen());
        assertEquals(
                "B=2 N=4/2 T=3 F=5 H=8 float32 on cpu causal BOTTOM_RIGHT key lengths mask bias"
                        + " dropout 0.1 with gradients\n"
                        + "  cuda: no\n"
                        + "    - The arrays are on the CPU; these kernels run on CUDA devices.\n"
                        + "    - There is a dense mask or bias and gradients or dropout are asked"
                        + " for; PyTorch hands neither on to these kernels' backward pass.\n"
                        + "  torch-sdpa: chosen\n"
                        + "  reference: possible",
                explanation.toString());
    }

    @Test
    void kernelsAreNamedAfterTheirBackend() {
        List<String> kernels = List.of("split <<<8,128,0>>>", "combine <<<4,256,0>>>");
        assertEquals(
                "cuda: chosen, split <<<8,128,0>>>, combine <<<4,256,0>>>",
                new Verdict(Backend.CUDA, List.of(), true, kernels, List.of()).toString());
        assertEquals(
                "cuda: possible, split <<<8,128,0>>>\n    - Too small.",
                new Verdict(
                                Backend.CUDA,
                                List.of(),
                                false,
                                kernels.subList(0, 1),
                                List.of("Too small."))
                        .toString());
        for (Verdict verdict : FlashAttention.explain(new Request().build()).verdicts()) {
            assertEquals(List.of(), verdict.kernels());
        }
    }

    @Test
    void sizesThatOurKernelsCannotCountAreNamed() {
        Request request = new Request();
        request.queries = 1L << 31;
        assertLastReason(request, "A dimension has 2147483648 elements; 2147483647 are possible.");
        request.queries = Integer.MAX_VALUE;
        request.heads = Integer.MAX_VALUE - 1;
        request.headSize = 256;
        assertLastReason(
                request,
                "A batch row has 4611686011984936962 heads times tokens of size 256; their elements"
                        + " exceed 64 bits.");
    }

    private static void assertLastReason(Request request, String reason) {
        List<String> reasons = FlashAttention.explain(request.build()).verdicts().get(0).reasons();
        assertEquals(reason, reasons.get(reasons.size() - 1));
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
            Verdict sdpa = verdict(new Request().build(), Backend.TORCH_SDPA);
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
            assertEquals(2, explanation.verdicts().get(2).reasons().size());
        }
    }

    @Test
    void aWishThatFitsIsTaken() {
        try (NDManager manager = Fixtures.manager()) {
            NDArray query = manager.zeros(new Shape(1, 2, 3, 4));
            for (Backend backend : Fixtures.CPU_BACKENDS) {
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
        assertEquals(1, verdict(request.build(), Backend.TORCH_SDPA).reasons().size());
        assertEquals(2, verdict(request.build(), Backend.REFERENCE).reasons().size());
    }

    /** Whatever the machine has: what PyTorch's operator cannot hand on is refused by itself. */
    @Test
    void theOperatorHandsOnNoMaskAndOneAlignment() {
        Request request = new Request();
        request.computeType = DataType.FLOAT16;
        request.device = Device.gpu(0);
        String mask =
                "There is a dense mask or bias and gradients or dropout are asked for; PyTorch"
                        + " hands neither on to these kernels' backward pass.";
        assertTrue(verdict(request.build(), Backend.CUDA).reasons().contains(mask));
        String alignment =
                "The causal alignment is TOP_LEFT and gradients or dropout are asked for; PyTorch"
                        + " hands on BOTTOM_RIGHT alone.";
        assertFalse(verdict(request.build(), Backend.CUDA).reasons().contains(alignment));
        request.causal = CausalAlignment.TOP_LEFT;
        assertTrue(verdict(request.build(), Backend.CUDA).reasons().contains(alignment));
        request.gradient = false;
        request.dropout = 0;
        assertFalse(verdict(request.build(), Backend.CUDA).reasons().contains(alignment));
        assertFalse(verdict(request.build(), Backend.CUDA).reasons().contains(mask));
    }

    private static Verdict verdict(AttentionRequest request, Backend backend) {
        return FlashAttention.explain(request).verdicts().stream()
                .filter(v -> v.backend() == backend)
                .findFirst()
                .orElseThrow();
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
        assertEquals(List.of(reasons), verdict(request.build(), backend).reasons());
    }
}
