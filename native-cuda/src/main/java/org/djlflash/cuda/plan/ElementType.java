package org.djlflash.cuda.plan;

import java.util.Locale;

/** The types that the kernels read and write. */
public enum ElementType {
    /** IEEE half precision. */
    FP16(2),
    /** Bfloat16. */
    BF16(2),
    /** IEEE single precision, multiplied by tensor cores in two parts of half precision. */
    FP32(4);

    /** The bytes of one element of half precision, all that the kernels of 9.0 take. */
    static final int HALF_BYTES = 2;

    private final int bytes;

    ElementType(int bytes) {
        this.bytes = bytes;
    }

    /**
     * Returns the size of one element.
     *
     * @return 2 or 4
     */
    public int bytes() {
        return bytes;
    }

    /**
     * Returns the name in the device code.
     *
     * @return {@code fp16}, {@code bf16} or {@code fp32}
     */
    String define() {
        return name().toLowerCase(Locale.ROOT);
    }
}
