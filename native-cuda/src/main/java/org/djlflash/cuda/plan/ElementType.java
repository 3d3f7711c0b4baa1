package org.djlflash.cuda.plan;

import java.util.Locale;

/** The 16-bit types that the kernels read and write. */
public enum ElementType {
    /** IEEE half precision. */
    FP16,
    /** Bfloat16. */
    BF16;

    /** The bytes of one element. */
    public static final int BYTES = 2;

    /**
     * Returns the name in the device code.
     *
     * @return {@code fp16} or {@code bf16}
     */
    String define() {
        return name().toLowerCase(Locale.ROOT);
    }
}
