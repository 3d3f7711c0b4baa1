package org.djlflash.cuda.launch;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.djlflash.cuda.plan.AttentionPlan;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.BiasKind;
import org.djlflash.cuda.plan.CacheLayout;
import org.djlflash.cuda.plan.Sm90Decode;
import org.djlflash.cuda.plan.Workspace;

/**
 * Writes the structs of both {@code params.cuh}, field by field in their order; a test has a C++
 * compiler read them back. The buffer is reused: not thread-safe, one writer a thread.
 */
final class ParamsWriter {

    /** More than the largest struct. */
    private static final int CAPACITY = 512;

    private final ByteBuffer buffer =
            ByteBuffer.allocateDirect(CAPACITY).order(ByteOrder.nativeOrder());

    /** Returns the memory that every struct is written to. */
    ByteBuffer buffer() {
        return buffer;
    }

    /** Writes a struct of {@code step/params.cuh}. */
    ByteBuffer step(StepCall call) {
        start();
        call.write(buffer);
        return buffer;
    }

    /** Writes {@code ForwardParams}. */
    ByteBuffer forward(AttentionPlan plan, ForwardArguments arguments) {
        start();
        inputs(arguments);
        view(arguments.output());
        view(arguments.bias());
        pointer(arguments.logSumExp());
        problem(plan.problem(), arguments);
        return buffer;
    }

    /** Writes {@code RowDotParams}. */
    ByteBuffer rowDot(AttentionPlan plan, BackwardArguments arguments) {
        Workspace parts = plan.backwardWorkspace();
        start();
        view(arguments.forward().output());
        view(arguments.outputGradient());
        pointer(arguments.forward().logSumExp());
        pointer(part(arguments.workspace(), parts, 0));
        pointer(part(arguments.workspace(), parts, 1));
        pointer(turns(plan, arguments));
        problem(plan.problem(), arguments.forward());
        return buffer;
    }

    /** Writes {@code BackwardParams}. */
    ByteBuffer backward(AttentionPlan plan, BackwardArguments arguments) {
        Workspace parts = plan.backwardWorkspace();
        start();
        inputs(arguments.forward());
        view(arguments.outputGradient());
        view(arguments.keyGradient());
        view(arguments.valueGradient());
        view(arguments.forward().bias());
        pointer(part(arguments.workspace(), parts, 0));
        pointer(part(arguments.workspace(), parts, 1));
        pointer(turns(plan, arguments));
        problem(plan.problem(), arguments.forward());
        return buffer;
    }

    /** Writes {@code ConvertDqParams}. */
    ByteBuffer convertDq(AttentionPlan plan, BackwardArguments arguments) {
        start();
        pointer(part(arguments.workspace(), plan.backwardWorkspace(), 1));
        view(arguments.queryGradient());
        problem(plan.problem(), arguments.forward());
        return buffer;
    }

    /** Writes {@code DecodeSplitParams}. */
    ByteBuffer decodeSplit(AttentionPlan plan, ForwardArguments arguments) {
        start();
        inputs(arguments);
        view(arguments.output());
        pointer(arguments.logSumExp());
        pointer(part(arguments.workspace(), plan.forwardWorkspace(), 0));
        pointer(part(arguments.workspace(), plan.forwardWorkspace(), 1));
        cache(plan.problem(), arguments.cache());
        problem(plan.problem(), arguments);
        splits(plan);
        return buffer;
    }

    /** Writes {@code DecodeParams}. */
    ByteBuffer decode(AttentionPlan plan, ForwardArguments arguments) {
        Sm90Decode decode = Sm90Decode.of(plan.problem(), plan.device());
        start();
        view(arguments.query());
        view(arguments.output());
        pointer(arguments.logSumExp());
        for (int part = 0; part < 3; part++) {
            pointer(part(arguments.workspace(), plan.forwardWorkspace(), part));
        }
        cache(plan.problem(), arguments.cache());
        problem(plan.problem(), arguments);
        buffer.putInt(Math.toIntExact(decode.ranges()));
        buffer.putInt(decode.splits());
        return buffer;
    }

    /** Writes {@code DecodeCombineParams}. */
    ByteBuffer decodeCombine(AttentionPlan plan, ForwardArguments arguments) {
        start();
        pointer(part(arguments.workspace(), plan.forwardWorkspace(), 0));
        pointer(part(arguments.workspace(), plan.forwardWorkspace(), 1));
        view(arguments.output());
        pointer(arguments.logSumExp());
        problem(plan.problem(), arguments);
        splits(plan);
        return buffer;
    }

    /** Writes {@code DropoutMaskParams}. */
    ByteBuffer dropoutMask(AttentionProblem problem, Randomness randomness, DevicePointer mask) {
        start();
        pointer(mask);
        problem(problem, DevicePointer.NULL, randomness);
        return buffer;
    }

    /** Writes {@code ReadParams}. */
    ByteBuffer read(DevicePointer data, long bytes, DevicePointer result) {
        start();
        pointer(data);
        buffer.putLong(bytes);
        pointer(result);
        return buffer;
    }

    /** Writes {@code GradientSquaresParams}. */
    ByteBuffer gradientSquares(DevicePointer chunks, DevicePointer sums) {
        start();
        pointer(chunks);
        pointer(sums);
        return buffer;
    }

    /** Writes {@code TwinParams}. */
    ByteBuffer twins(DevicePointer twins) {
        start();
        pointer(twins);
        return buffer;
    }

    /** Writes {@code ClipFactorParams}. */
    ByteBuffer clipFactor(
            DevicePointer sums, int count, float scale, float limit, DevicePointer factor) {
        start();
        pointer(sums);
        pointer(factor);
        buffer.putInt(count);
        buffer.putFloat(scale);
        buffer.putFloat(limit);
        buffer.putInt(0);
        return buffer;
    }

    /** Writes {@code AdamWParams}. */
    ByteBuffer adamW(DevicePointer chunks, AdamWArguments arguments) {
        start();
        pointer(chunks);
        pointer(arguments.factor());
        buffer.putFloat(arguments.scale());
        buffer.putFloat(arguments.keep());
        buffer.putFloat(arguments.rate());
        buffer.putFloat(arguments.beta1());
        buffer.putFloat(arguments.beta2());
        buffer.putFloat(arguments.epsilon());
        return buffer;
    }

    private void start() {
        buffer.clear();
    }

    private void inputs(ForwardArguments arguments) {
        view(arguments.query());
        view(arguments.key());
        view(arguments.value());
    }

    private void view(TensorView view) {
        pointer(view.data());
        buffer.putLong(view.layout().batch());
        buffer.putLong(view.layout().head());
        buffer.putLong(view.layout().row());
    }

    private void pointer(DevicePointer pointer) {
        buffer.putLong(pointer.address());
    }

    private void problem(AttentionProblem problem, ForwardArguments arguments) {
        problem(problem, arguments.keyLengths(), arguments.randomness());
    }

    private void problem(
            AttentionProblem problem, DevicePointer keyLengths, Randomness randomness) {
        AttentionShape shape = problem.shape();
        pointer(keyLengths);
        pointer(randomness.state());
        buffer.putLong(randomness.seed());
        buffer.putLong(randomness.offset());
        buffer.putInt(shape.batch());
        buffer.putInt(shape.queryHeads());
        buffer.putInt(shape.keyHeads());
        buffer.putInt(shape.queries());
        buffer.putInt(shape.keys());
        buffer.putInt(shape.headSize());
        buffer.putInt(problem.causal().ordinal());
        buffer.putInt(problem.bias() == BiasKind.FLOAT ? 1 : 0);
        buffer.putFloat((float) problem.scale());
        buffer.putFloat(problem.keepScale());
        buffer.putInt(problem.keepThreshold());
        buffer.putInt(0);
    }

    private void cache(AttentionProblem problem, CacheRows rows) {
        CacheLayout layout = problem.cache();
        pointer(rows.firstKeys());
        pointer(rows.pages());
        buffer.putInt(layout.pageKeys());
        buffer.putInt(layout.pagesPerRow(problem.shape().keys()));
    }

    private void splits(AttentionPlan plan) {
        buffer.putInt(plan.splits());
        buffer.putInt(0);
    }

    private static DevicePointer turns(AttentionPlan plan, BackwardArguments arguments) {
        return plan.problem().deterministic()
                ? part(arguments.workspace(), plan.backwardWorkspace(), 2)
                : DevicePointer.NULL;
    }

    private static DevicePointer part(DevicePointer workspace, Workspace parts, int index) {
        return parts.bytes() == 0 ? DevicePointer.NULL : workspace.plus(parts.offsets().get(index));
    }
}
