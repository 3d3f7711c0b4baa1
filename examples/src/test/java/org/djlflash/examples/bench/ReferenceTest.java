package org.djlflash.examples.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.djlflash.AttentionOptions;
import org.djlflash.Backend;
import org.djlflash.FlashAttention;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;
import org.djlflash.torch.TorchLibrary;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The reference against the operator's own, and what it takes for wrong. */
class ReferenceTest {

    private NDManager manager;

    @BeforeEach
    void open() {
        manager = NDManager.newBaseManager(Device.cpu(), TorchLibrary.ENGINE);
    }

    @AfterEach
    void close() {
        manager.close();
    }

    private AttentionInputs inputs(boolean causal, ScalarType type) {
        return new AttentionInputs(manager, new AttentionCase(2, 3, 9, 8, causal), type);
    }

    /** Output and gradients of the plain backend, in FLOAT32. */
    private List<NDArray> expected(AttentionInputs inputs, boolean causal) {
        List<NDArray> in = inputs.arrays();
        in.forEach(array -> array.setRequiresGradient(true));
        AttentionOptions options =
                AttentionOptions.builder().optBackend(Backend.REFERENCE).optCausal(causal).build();
        List<NDArray> results = new ArrayList<>();
        try (GradientCollector collector =
                Engine.getEngine(TorchLibrary.ENGINE).newGradientCollector()) {
            NDArray output = FlashAttention.attend(in.get(0), in.get(1), in.get(2), options);
            results.add(output);
            Tensor gradient = inputs.outputGradient().copy(ScalarType.FLOAT32);
            collector.backward(output.mul(gradient.toArray(manager)).sum());
        }
        in.forEach(array -> results.add(array.getGradient()));
        return results;
    }

    private static Reference reference(AttentionInputs inputs, boolean causal) {
        return Reference.of(inputs.operands(), inputs.outputGradient(), causal, inputs.manager());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void agreesWithThePlainBackend(boolean causal) {
        try (AttentionInputs inputs = inputs(causal, ScalarType.BFLOAT16);
                Reference reference = reference(inputs, causal)) {
            assertEquals(ScalarType.FLOAT64, reference.precision());
            List<NDArray> expected = expected(inputs, causal);
            List<Tensor> right = expected.stream().map(Tensor::of).toList();
            assertEquals(Optional.empty(), reference.mistakeInOutput(right.get(0)));
            assertEquals(Optional.empty(), reference.mistakeInGradients(right.subList(1, 4)));
            right.forEach(Tensor::close);
        }
    }

    @Test
    void aResultThatIsOffIsWrong() {
        try (AttentionInputs inputs = inputs(false, ScalarType.BFLOAT16);
                Reference reference = reference(inputs, false)) {
            List<NDArray> results = expected(inputs, false);
            for (float wrong : new float[] {0.2f, Float.NaN, Float.POSITIVE_INFINITY}) {
                for (int i = 0; i < results.size(); i++) {
                    List<NDArray> bad = new ArrayList<>(results);
                    NDArray error = manager.zeros(new Shape(2, 3, 9, 8));
                    error.set(new NDIndex("1, 2, 8, 7"), wrong);
                    bad.set(i, results.get(i).add(error));
                    List<Tensor> tensors = bad.stream().map(Tensor::of).toList();
                    Optional<String> mistake =
                            i == 0
                                    ? reference.mistakeInOutput(tensors.get(0))
                                    : reference.mistakeInGradients(tensors.subList(1, 4));
                    assertTrue(mistake.isPresent(), i + " off by " + wrong);
                    assertTrue(mistake.get().startsWith("wrong: "), mistake.get());
                    tensors.forEach(Tensor::close);
                }
            }
        }
    }

    @Test
    void aWrongMaskIsWrong() {
        try (AttentionInputs inputs = inputs(true, ScalarType.BFLOAT16);
                Reference reference = reference(inputs, true);
                Tensor full = Tensor.of(expected(inputs, false).get(0))) {
            assertTrue(reference.mistakeInOutput(full).isPresent());
        }
    }

    @Test
    void foldedHeadsAreTheSameAttention() {
        try (Tensor query = normal(2, 6, 1, 8);
                Tensor key = normal(2, 3, 5, 8);
                Tensor value = normal(2, 3, 5, 8);
                Tensor folded = Views.folded(query, 3);
                MathAttention math = new MathAttention(manager, ScalarType.FLOAT32, 2, 5, 8);
                Implementation.Step step = math.forward(new Operands(folded, key, value), false);
                NDArray q = array(query);
                NDArray grouped =
                        FlashAttention.attend(
                                q,
                                array(key),
                                array(value),
                                AttentionOptions.builder().optBackend(Backend.REFERENCE).build());
                Tensor output = Tensor.of(grouped);
                Tensor view = Views.folded(output, 3)) {
            NDArray difference = array(view).sub(array(step.output())).abs().max();
            assertTrue(difference.getFloat() < 1e-5, "" + difference.getFloat());
        }
    }

    private Tensor normal(long... sizes) {
        return Tensor.of(manager.randomNormal(new Shape(sizes)));
    }

    private NDArray array(Tensor tensor) {
        return tensor.copy(ScalarType.FLOAT32).toArray(manager);
    }
}
