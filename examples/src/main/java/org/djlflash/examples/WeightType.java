package org.djlflash.examples;

import ai.djl.ndarray.types.DataType;
import picocli.CommandLine.Option;

/** The option {@code --dtype}. */
final class WeightType {

    /** The values of {@code --dtype}. */
    enum Choice {
        FLOAT32,
        FLOAT16
    }

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            defaultValue = "float32",
            description =
                    "What to compute in: float32, or float16, which our CUDA kernels need."
                            + " Default: ${DEFAULT-VALUE}.")
    private Choice choice;

    DataType dataType() {
        return choice == Choice.FLOAT16 ? DataType.FLOAT16 : DataType.FLOAT32;
    }
}
