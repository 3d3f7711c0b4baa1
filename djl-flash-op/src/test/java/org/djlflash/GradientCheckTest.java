package org.djlflash;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Gradients are the derivative of the output: relative error at most 1e-6. */
class GradientCheckTest {

    private static final int B = 2;
    private static final int T = 4;
    private static final int F = 5;
    private static final int H = 3;

    record Case(Backend backend, CausalAlignment causal, int keyHeads, boolean hiding, int seed) {}

    static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (Backend backend : Fixtures.CPU_BACKENDS) {
            for (CausalAlignment causal : CausalAlignment.values()) {
                int seed = cases.size();
                cases.add(new Case(backend, causal, 2, true, seed));
                if (causal != CausalAlignment.ROW_LENGTH) {
                    cases.add(new Case(backend, causal, 1, false, seed));
                }
            }
        }
        return cases;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void gradientsAreDerivatives(Case c) {
        try (NDManager manager = Fixtures.manager()) {
            AttentionOptions.Builder options =
                    AttentionOptions.builder().optBackend(c.backend).optCausal(c.causal);
            if (c.hiding) {
                // The second row sees nothing at first; the mask hides one key from all.
                options.optKeyLengths(F, 3);
                options.optMask(manager.create(new boolean[] {true, false, true, true, true}));
            }
            NDArray[] leaves = {
                doubles(manager, c.seed, B, 2, T, H),
                doubles(manager, c.seed + 100, B, c.keyHeads, F, H),
                doubles(manager, c.seed + 200, B, c.keyHeads, F, H),
                doubles(manager, c.seed + 300, 2, 1, F)
            };
            NumericalGradient.assertMatches(
                    leaves,
                    arrays ->
                            FlashAttention.attend(
                                    arrays[0],
                                    arrays[1],
                                    arrays[2],
                                    options.optBias(arrays[3]).build()),
                    doubles(manager, c.seed + 400, B, 2, T, H));
        }
    }

    private static NDArray doubles(NDManager manager, long seed, long... sizes) {
        return Fixtures.gaussian(manager, seed, sizes).toType(DataType.FLOAT64, false);
    }
}
