package org.djlflash.zoo.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.util.Float16Utils;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HalfTest {

    @Test
    void widensEveryHalf() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            short half = (short) bits;
            int expected = Float.floatToRawIntBits(Float16Utils.halfToFloat(half));
            assertEquals(expected, Half.toFloatBits(half), Integer.toHexString(bits));
        }
    }

    @Test
    void narrowsBackEveryHalf() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            boolean nan = (bits & 0x7fff) > 0x7c00;
            // A NaN becomes quiet, as the hardware does it.
            int expected = nan ? bits | 0x200 : bits;
            short back = Half.fromFloatBits(Half.toFloatBits((short) bits));
            assertEquals((short) expected, back, Integer.toHexString(bits));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "65504, 7bff",
        "65519.996, 7bff",
        "65520, 7c00",
        "65536, 7c00",
        "Infinity, 7c00",
        "-Infinity, fc00",
        "1.00048828125, 3c00",
        "1.00146484375, 3c02",
        "5.9604645e-8, 0001",
        "2.9802322e-8, 0000",
        "2.9802326e-8, 0001",
        "8.940697e-8, 0002",
        "-0.0, 8000",
        "1.4e-45, 0000"
    })
    void roundsToNearestEven(float value, String hex) {
        short half = Half.fromFloatBits(Float.floatToRawIntBits(value));
        assertEquals(hex, String.format("%04x", half));
    }

    @Test
    void roundsAsTheNearestOfAllHalves() {
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 200_000; i++) {
            // Exponents from 2^-27 to 2^15, where all that can happen does.
            int bits = random.nextInt(100, 143) << 23 | random.nextInt(1 << 23);
            float value = Float.intBitsToFloat(bits);
            assertEquals(nearest(value), Half.fromFloatBits(bits), () -> Float.toString(value));
        }
    }

    private static short nearest(float value) {
        int low = 0;
        int high = 0x7bff;
        while (low < high) {
            int middle = low + high + 1 >>> 1;
            if (Float16Utils.halfToFloat((short) middle) <= value) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        double below = Float16Utils.halfToFloat((short) low);
        double above = low == 0x7bff ? 65536 : Float16Utils.halfToFloat((short) (low + 1));
        int order = Double.compare(value - below, above - value);
        return (short) (order < 0 || order == 0 && low % 2 == 0 ? low : low + 1);
    }
}
