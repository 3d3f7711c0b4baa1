package org.djlflash.cuda.testkit;

import org.djlflash.cuda.plan.ElementType;

/** The two 16-bit number formats, converted as the hardware does: to the nearest, ties to even. */
public final class Halves {

    private static final double FP16_SMALLEST_NORMAL = 0x1p-14;
    private static final double FP16_OVERFLOW = 65520;

    private Halves() {}

    /**
     * Returns a number as the 16 bits nearest to it.
     *
     * @param type the format
     * @param value the number
     * @return the bits
     */
    public static short toBits(ElementType type, double value) {
        return type == ElementType.BF16 ? toBf16(value) : toFp16(value);
    }

    /**
     * Returns the number that 16 bits stand for.
     *
     * @param type the format
     * @param bits the bits
     * @return the number
     */
    public static double toDouble(ElementType type, short bits) {
        if (type == ElementType.BF16) {
            return Float.intBitsToFloat((bits & 0xffff) << 16);
        }
        int exponent = bits >> 10 & 0x1f;
        int fraction = bits & 0x3ff;
        double size =
                switch (exponent) {
                    case 0 -> fraction * 0x1p-24;
                    case 0x1f -> fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
                    default -> (1024 + fraction) * Math.scalb(1.0, exponent - 25);
                };
        return bits < 0 ? -size : size;
    }

    /**
     * Rounds a number to a format.
     *
     * @param type the format
     * @param value the number
     * @return the nearest number of that format
     */
    public static double round(ElementType type, double value) {
        return toDouble(type, toBits(type, value));
    }

    private static short toBf16(double value) {
        // Rounding to float to odd first keeps the second rounding from seeing a false tie.
        float nearest = (float) value;
        int bits = Float.floatToRawIntBits(nearest);
        if (Float.isNaN(nearest)) {
            return 0x7fc0;
        }
        if (nearest != value && (bits & 1) == 0) {
            bits += Math.abs((double) nearest) < Math.abs(value) ? 1 : -1;
        }
        return (short) (bits + 0x7fff + (bits >> 16 & 1) >> 16);
    }

    private static short toFp16(double value) {
        int sign = Double.doubleToRawLongBits(value) < 0 ? 0x8000 : 0;
        double size = Math.abs(value);
        if (Double.isNaN(value)) {
            return 0x7e00;
        }
        if (size >= FP16_OVERFLOW) {
            return (short) (sign | 0x7c00);
        }
        int exponent = size < FP16_SMALLEST_NORMAL ? -14 : Math.getExponent(size);
        // In units of the last place; a carry into the exponent gives the right bits by itself.
        long units = (long) Math.rint(Math.scalb(size, 10 - exponent));
        int biased = size < FP16_SMALLEST_NORMAL ? 0 : exponent + 14;
        return (short) (sign | (biased << 10) + (int) units);
    }
}
