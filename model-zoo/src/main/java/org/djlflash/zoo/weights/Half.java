package org.djlflash.zoo.weights;

/**
 * IEEE 754 binary16 in terms of the bits of a binary32. DJL's own conversion rounds ties away from
 * zero, where PyTorch rounds them to even.
 */
final class Half {

    private static final int INFINITY = 0x7c00;
    private static final int FLOAT_INFINITY = 0x7f800000;

    /** The bits of 2^-14, the least normal half, and of 2^16, which is beyond all of them. */
    private static final int LEAST_NORMAL = 0x38800000;

    private static final int BEYOND = 0x47800000;

    /** The difference of the two exponent biases, in place. */
    private static final int REBIAS = 0x38000000;

    private Half() {}

    static boolean isInfinite(short half) {
        return (half & 0x7fff) == INFINITY;
    }

    static int toFloatBits(short half) {
        int sign = (half & 0x8000) << 16;
        int magnitude = half & 0x7fff;
        if (magnitude >= INFINITY) {
            return sign | FLOAT_INFINITY | (magnitude & 0x3ff) << 13;
        }
        if (magnitude >= 0x400) {
            return sign | (magnitude << 13) + REBIAS;
        }
        return sign | Float.floatToRawIntBits(magnitude * 0x1p-24f);
    }

    /** Rounds to nearest, ties to even; what is too large becomes infinite. */
    static short fromFloatBits(int bits) {
        int sign = bits >>> 16 & 0x8000;
        int magnitude = bits & 0x7fffffff;
        if (magnitude > FLOAT_INFINITY) {
            return (short) (sign | 0x7e00 | magnitude >>> 13 & 0x3ff);
        }
        if (magnitude >= BEYOND) {
            return (short) (sign | INFINITY);
        }
        if (magnitude >= LEAST_NORMAL) {
            int tieToEven = 0xfff + (magnitude >>> 13 & 1);
            return (short) (sign | magnitude - REBIAS + tieToEven >>> 13);
        }
        // Next to 0.5 a float counts in steps of 2^-24, as subnormal halves do: the sum rounds.
        float rounded = Float.intBitsToFloat(magnitude) + 0.5f;
        return (short) (sign | Float.floatToRawIntBits(rounded) - Float.floatToRawIntBits(0.5f));
    }
}
