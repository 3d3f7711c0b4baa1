package org.djlflash.cuda.plan;

/** GPUs and a problem that every test of planning starts from. */
final class PlanFixtures {

    static final DeviceInfo A100 = new DeviceInfo(0, "A100", 8, 0, 108, 166912);
    static final DeviceInfo A10 = new DeviceInfo(0, "A10", 8, 6, 72, 101376);
    static final DeviceInfo H200 = new DeviceInfo(0, "H200", 9, 0, 132, 232448);
    static final DeviceInfo T4 = new DeviceInfo(0, "T4", 7, 5, 40, 65536);

    private PlanFixtures() {}

    static AttentionProblem problem(int headSize) {
        return AttentionProblem.of(
                ElementType.FP16, new AttentionShape(2, 8, 4, 300, 500, headSize));
    }

    static AttentionProblem training(int headSize) {
        return problem(headSize).withGradient(GradientNeed.INPUTS);
    }

    static AttentionProblem decode(int batch, int keys, int headSize) {
        AttentionShape shape = new AttentionShape(batch, 16, 2, 1, keys, headSize);
        return AttentionProblem.of(ElementType.FP16, shape).withDecode(true);
    }
}
