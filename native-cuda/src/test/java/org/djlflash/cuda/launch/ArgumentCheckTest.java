package org.djlflash.cuda.launch;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.djlflash.cuda.plan.AttentionPlan;
import org.djlflash.cuda.plan.AttentionPlanner;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.BiasKind;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.cuda.plan.ElementType;
import org.junit.jupiter.api.Test;

/** Memory that a kernel would read wrongly is refused. */
class ArgumentCheckTest {

    private static final DeviceInfo GPU = new DeviceInfo(0, "A100", 8, 0, 108, 166912);
    private static final AttentionShape SHAPE = new AttentionShape(2, 4, 2, 30, 50, 64);
    private static final TensorView VIEW = TensorView.of(4096, 4096, 1024, 64, 1);
    private static final DevicePointer MEMORY = new DevicePointer(4096);

    @Test
    void fittingMemoryIsTaken() {
        assertDoesNotThrow(() -> check(plan(BiasKind.NONE, false), with(VIEW, TensorView.NONE)));
        assertDoesNotThrow(() -> check(plan(BiasKind.ELEMENT, false), with(VIEW, VIEW)));
    }

    @Test
    void rowsMustBeAlignedAndContiguous() {
        AttentionPlan plan = plan(BiasKind.NONE, false);
        assertRefused("The rows of the key", plan, with(TensorView.of(4096, 0, 0, 63, 1), VIEW));
        assertRefused("The rows of the key", plan, with(TensorView.of(4096, 0, 0, 64, 2), VIEW));
        assertRefused("The rows of the key", plan, with(TensorView.of(4098, 0, 0, 64, 1), VIEW));
        assertRefused("No memory for the key", plan, with(TensorView.NONE, VIEW));
    }

    @Test
    void aBiasNeedsNoAlignmentButContiguousRows() {
        AttentionPlan plan = plan(BiasKind.FLOAT, false);
        assertDoesNotThrow(() -> check(plan, with(VIEW, TensorView.of(4098, 0, 0, 51, 1))));
        assertRefused("The rows of the bias", plan, with(VIEW, TensorView.of(4096, 0, 0, 1, 0)));
        assertRefused("The rows of the bias", plan, with(VIEW, TensorView.of(4096, 0, 0, 1, 30)));
        assertRefused("No memory for the bias", plan, with(VIEW, TensorView.NONE));
    }

    @Test
    void keyLengthsAreThereAsPlanned() {
        ForwardArguments without = with(VIEW, TensorView.NONE);
        assertRefused("No memory for the key lengths", plan(BiasKind.NONE, true), without);
        ForwardArguments given =
                new ForwardArguments(
                        VIEW,
                        VIEW,
                        VIEW,
                        VIEW,
                        TensorView.NONE,
                        DevicePointer.NULL,
                        MEMORY,
                        CacheRows.NONE,
                        Randomness.NONE,
                        DevicePointer.NULL);
        assertDoesNotThrow(() -> check(plan(BiasKind.NONE, true), given));
        assertRefused("Key lengths were not planned", plan(BiasKind.NONE, false), given);
    }

    private static AttentionPlan plan(BiasKind bias, boolean keyLengths) {
        return AttentionPlanner.plan(
                AttentionProblem.of(ElementType.FP16, SHAPE)
                        .withBias(bias)
                        .withKeyLengths(keyLengths),
                GPU);
    }

    private static ForwardArguments with(TensorView key, TensorView bias) {
        return new ForwardArguments(
                VIEW,
                key,
                VIEW,
                VIEW,
                bias,
                DevicePointer.NULL,
                DevicePointer.NULL,
                CacheRows.NONE,
                Randomness.NONE,
                DevicePointer.NULL);
    }

    private static void check(AttentionPlan plan, ForwardArguments arguments) {
        new ArgumentCheck(plan).forward(arguments);
    }

    private static void assertRefused(String start, AttentionPlan plan, ForwardArguments given) {
        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> check(plan, given));
        assertTrue(e.getMessage().startsWith(start), e::getMessage);
    }
}
