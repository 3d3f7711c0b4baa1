package org.djlflash.zoo.provider;

import ai.djl.ndarray.types.DataType;
import java.util.Locale;
import java.util.Map;

/** The argument {@code dataType} of a {@code Criteria}. */
final class DataTypeArgument {

    private DataTypeArgument() {}

    static DataType of(Map<String, ?> arguments) {
        Object argument = arguments.get("dataType");
        String name = argument == null ? "float32" : argument.toString().toLowerCase(Locale.ROOT);
        return switch (name) {
            case "float32" -> DataType.FLOAT32;
            case "float16" -> DataType.FLOAT16;
            default ->
                    throw new IllegalArgumentException(
                            "argument dataType is " + argument + ", allowed is float32 or float16");
        };
    }
}
