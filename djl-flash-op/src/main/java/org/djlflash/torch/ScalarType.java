package org.djlflash.torch;

import ai.djl.ndarray.types.DataType;
import java.util.Arrays;

/** The element types that cross the bridge, with PyTorch's {@code c10::ScalarType} numbers. */
public enum ScalarType {
    /** Unsigned bytes. */
    UINT8(0, DataType.UINT8, 1),
    /** 32-bit signed integers. */
    INT32(3, DataType.INT32, 4),
    /** 64-bit signed integers. */
    INT64(4, DataType.INT64, 8),
    /** IEEE half precision. */
    FLOAT16(5, DataType.FLOAT16, 2),
    /** IEEE single precision. */
    FLOAT32(6, DataType.FLOAT32, 4),
    /** IEEE double precision. */
    FLOAT64(7, DataType.FLOAT64, 8),
    /** Truth values, a byte each. */
    BOOLEAN(11, DataType.BOOLEAN, 1),
    /**
     * bfloat16. It exists inside operators only: DJL's PyTorch engine ends the JVM when it is asked
     * for an array of this type.
     */
    BFLOAT16(15, DataType.BFLOAT16, 2);

    private static final ScalarType[] TYPES = values();

    private final int code;
    private final DataType dataType;
    private final int bytes;

    ScalarType(int code, DataType dataType, int bytes) {
        this.code = code;
        this.dataType = dataType;
        this.bytes = bytes;
    }

    /**
     * Returns PyTorch's number of this type.
     *
     * @return the number
     */
    public int code() {
        return code;
    }

    /**
     * Returns the size of an element.
     *
     * @return the size in bytes
     */
    public int bytes() {
        return bytes;
    }

    /**
     * Returns DJL's name of this type.
     *
     * @return the data type
     */
    public DataType dataType() {
        return dataType;
    }

    /**
     * Finds the type of a PyTorch number.
     *
     * @param code the number
     * @return the type
     * @throws IllegalArgumentException if the number is none that crosses the bridge
     */
    public static ScalarType of(int code) {
        for (ScalarType type : TYPES) {
            if (type.code == code) {
                return type;
            }
        }
        throw new IllegalArgumentException(
                "PyTorch scalar type " + code + ", allowed are " + Arrays.toString(TYPES));
    }

    /**
     * Finds the type of a DJL data type.
     *
     * @param dataType the data type
     * @return the type
     * @throws IllegalArgumentException if the data type is none that crosses the bridge
     */
    public static ScalarType of(DataType dataType) {
        for (ScalarType type : TYPES) {
            if (type.dataType == dataType) {
                return type;
            }
        }
        throw new IllegalArgumentException(
                "data type " + dataType + ", allowed are " + Arrays.toString(TYPES));
    }
}
