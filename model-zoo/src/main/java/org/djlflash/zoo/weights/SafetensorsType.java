package org.djlflash.zoo.weights;

import java.util.EnumSet;
import java.util.Set;

/** The element types of the safetensors format, named as its headers name them. */
public enum SafetensorsType {
    /** A truth value in one byte. */
    BOOL(8),
    /** An unsigned 8-bit integer. */
    U8(8),
    /** A signed 8-bit integer. */
    I8(8),
    /** An unsigned 16-bit integer. */
    U16(16),
    /** A signed 16-bit integer. */
    I16(16),
    /** An unsigned 32-bit integer. */
    U32(32),
    /** A signed 32-bit integer. */
    I32(32),
    /** An unsigned 64-bit integer. */
    U64(64),
    /** A signed 64-bit integer. */
    I64(64),
    /** A 4-bit float. */
    F4(4),
    /** A 6-bit float with 2 bits of exponent. */
    F6_E2M3(6),
    /** A 6-bit float with 3 bits of exponent. */
    F6_E3M2(6),
    /** An 8-bit float with 5 bits of exponent. */
    F8_E5M2(8),
    /** An 8-bit float with 4 bits of exponent. */
    F8_E4M3(8),
    /** An 8-bit float with 5 bits of exponent, without infinities and negative zero. */
    F8_E5M2FNUZ(8),
    /** An 8-bit float with 4 bits of exponent, without infinities and negative zero. */
    F8_E4M3FNUZ(8),
    /** An 8-bit power of two. */
    F8_E8M0(8),
    /** IEEE 754 binary16. */
    F16(16),
    /** The upper half of an IEEE 754 binary32. */
    BF16(16),
    /** IEEE 754 binary32. */
    F32(32),
    /** IEEE 754 binary64. */
    F64(64),
    /** Two binary32, real and imaginary part. */
    C64(64);

    private static final Set<SafetensorsType> READABLE = EnumSet.of(F16, BF16, F32, F64);

    private final int bits;

    SafetensorsType(int bits) {
        this.bits = bits;
    }

    /**
     * Returns the size of an element.
     *
     * @return the number of bits
     */
    public int bits() {
        return bits;
    }

    /**
     * Tells whether {@link SafetensorsFile#read} converts this type.
     *
     * @return true for F16, BF16, F32 and F64
     */
    public boolean isReadable() {
        return READABLE.contains(this);
    }
}
