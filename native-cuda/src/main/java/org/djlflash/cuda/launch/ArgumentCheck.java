package org.djlflash.cuda.launch;

import java.util.Locale;
import org.djlflash.cuda.plan.AttentionPlan;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.BiasKind;
import org.djlflash.cuda.plan.TensorLayout;

/**
 * Refuses memory that does not fit the plan: a kernel would read past it or write a wrong result.
 * Stateless.
 */
final class ArgumentCheck {

    private final AttentionPlan plan;
    private final AttentionShape shape;

    ArgumentCheck(AttentionPlan plan) {
        this.plan = plan;
        this.shape = plan.problem().shape();
    }

    void forward(ForwardArguments arguments) {
        common(arguments);
        needed(plan.forwardWorkspace().bytes() > 0, arguments.workspace(), "workspace");
    }

    void backward(BackwardArguments arguments) {
        if (plan.backward().isEmpty()) {
            throw new IllegalArgumentException("The plan has no backward pass: " + plan);
        }
        common(arguments.forward());
        needed(true, arguments.forward().logSumExp(), "log-sum-exp");
        needed(true, arguments.workspace(), "workspace");
        queries("gradient of the output", arguments.outputGradient());
        queries("gradient of the query", arguments.queryGradient());
        distinct("gradient of the output", arguments.outputGradient());
        keys("gradient of the key", arguments.keyGradient());
        keys("gradient of the value", arguments.valueGradient());
    }

    private void common(ForwardArguments arguments) {
        AttentionProblem problem = plan.problem();
        queries("query", arguments.query());
        keys("key", arguments.key());
        keys("value", arguments.value());
        queries("output", arguments.output());
        asPlanned(problem.keyLengths(), arguments.keyLengths(), "Key lengths");
        asPlanned(problem.cache().firstKeys(), arguments.cache().firstKeys(), "First keys");
        asPlanned(problem.cache().isPaged(), arguments.cache().pages(), "Numbers of pages");
        if (problem.bias() != BiasKind.NONE) {
            bias(arguments.bias());
        }
    }

    private void asPlanned(boolean planned, DevicePointer memory, String name) {
        needed(planned, memory, name.toLowerCase(Locale.ROOT));
        if (!planned && memory.address() != 0) {
            throw new IllegalArgumentException(name + " were not planned for: " + plan);
        }
    }

    private void queries(String name, TensorView view) {
        aligned(name, view, shape.batch(), shape.queryHeads(), shape.queries());
    }

    private void distinct(String name, TensorView view) {
        if (view.layout().repeatsRows(shape.batch(), shape.queryHeads(), shape.queries())) {
            throw new IllegalArgumentException(
                    "The %s has a stride of 0, %s; each row needs memory of its own for %s"
                            .formatted(name, view.layout(), plan));
        }
    }

    private void keys(String name, TensorView view) {
        aligned(name, view, plan.problem().keySizes());
    }

    private void bias(TensorView view) {
        needed(true, view.data(), "bias");
        if (view.layout().column() != 1 && shape.keys() > 1) {
            throw new IllegalArgumentException(
                    "The rows of the bias must be contiguous: %s for %s"
                            .formatted(view.layout(), plan));
        }
    }

    private void aligned(String name, TensorView view, long... sizes) {
        needed(true, view.data(), name);
        if (!view.layout().hasAlignedRows(plan.problem().element(), sizes)) {
            throw new IllegalArgumentException(
                    "The rows of the %s must be contiguous and start at multiples of %d bytes: %s at %s for %s"
                            .formatted(
                                    name,
                                    TensorLayout.ALIGNMENT,
                                    view.layout(),
                                    view.data(),
                                    plan));
        }
    }

    private void needed(boolean condition, DevicePointer memory, String name) {
        if (condition && memory.address() == 0) {
            throw new IllegalArgumentException("No memory for the " + name + " of " + plan);
        }
    }
}
