package org.djlflash.cuda.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.BiasKind;
import org.djlflash.cuda.plan.CausalAlignment;
import org.djlflash.cuda.plan.ElementType;
import org.junit.jupiter.api.Test;

/** The specification must be right by itself: by hand, and by differences. */
class DoubleReferenceTest {

    @Test
    void equalScoresGiveTheMeanOfWhatIsSeen() {
        AttentionCase attention =
                attention(new AttentionShape(1, 1, 1, 3, 2, 1), CausalAlignment.BOTTOM_RIGHT);
        double[] zeros = new double[3];

        DoubleReference reference =
                new DoubleReference(
                        attention,
                        new DoubleReference.Inputs(
                                zeros, new double[2], new double[] {4, 8}, null, null, null),
                        Precision.EXACT);

        // The first query sees nothing, the second one key, the third both.
        assertEquals(0, reference.output[0]);
        assertEquals(4, reference.output[1]);
        assertEquals(6, reference.output[2]);
        assertEquals(Double.NEGATIVE_INFINITY, reference.logSumExp[0]);
        assertEquals(Math.log(2), reference.logSumExp[2], 1e-15);
    }

    @Test
    void gradientsAreThoseOfDifferences() {
        AttentionCase attention =
                new AttentionCase(
                        attention(
                                        new AttentionShape(2, 4, 2, 3, 5, 3),
                                        CausalAlignment.BOTTOM_RIGHT)
                                .problem()
                                .withBias(BiasKind.FLOAT)
                                .withDropout(0.25)
                                .withKeyLengths(true),
                        false,
                        new int[] {5, 4},
                        1);
        Random random = new Random(1);
        double[] query = gaussians(random, 2 * 4 * 3 * 3);
        double[] key = gaussians(random, 2 * 2 * 5 * 3);
        double[] value = gaussians(random, 2 * 2 * 5 * 3);
        double[] bias = gaussians(random, 2 * 4 * 3 * 5);
        byte[] kept = new byte[bias.length];
        for (int i = 0; i < kept.length; i++) {
            kept[i] = (byte) (random.nextInt(4) == 0 ? 0 : 1);
        }
        double[] weights = gaussians(random, query.length);
        DoubleReference.Inputs inputs =
                new DoubleReference.Inputs(query, key, value, bias, kept, weights);

        DoubleReference reference = new DoubleReference(attention, inputs, Precision.EXACT);

        assertGradient(attention, inputs, query, reference.queryGradient);
        assertGradient(attention, inputs, key, reference.keyGradient);
        assertGradient(attention, inputs, value, reference.valueGradient);
    }

    private static void assertGradient(
            AttentionCase attention,
            DoubleReference.Inputs inputs,
            double[] input,
            double[] gradient) {
        double step = 1e-5;
        for (int i = 0; i < input.length; i++) {
            double before = input[i];
            input[i] = before + step;
            double up = weightedSum(attention, inputs);
            input[i] = before - step;
            double down = weightedSum(attention, inputs);
            input[i] = before;
            assertEquals((up - down) / (2 * step), gradient[i], 1e-8);
        }
    }

    private static double weightedSum(AttentionCase attention, DoubleReference.Inputs inputs) {
        double[] output = new DoubleReference(attention, inputs, Precision.EXACT).output;
        double sum = 0;
        for (int i = 0; i < output.length; i++) {
            sum += output[i] * inputs.outputGradient()[i];
        }
        return sum;
    }

    private static AttentionCase attention(AttentionShape shape, CausalAlignment causal) {
        AttentionProblem problem = AttentionProblem.of(ElementType.FP16, shape);
        return new AttentionCase(problem.withCausal(causal), false, null, 1);
    }

    private static double[] gaussians(Random random, int count) {
        return random.doubles(count, -1, 1).toArray();
    }
}
