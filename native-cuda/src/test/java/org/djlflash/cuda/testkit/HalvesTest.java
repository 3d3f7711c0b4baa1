package org.djlflash.cuda.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.djlflash.cuda.plan.ElementType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class HalvesTest {

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "FP32")
    void everyNumberSurvives(ElementType type) {
        for (int bits = Short.MIN_VALUE; bits <= Short.MAX_VALUE; bits++) {
            double value = Halves.toDouble(type, (short) bits);
            if (!Double.isNaN(value)) {
                assertEquals((short) bits, Halves.toBits(type, value));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "FP32")
    void numbersBetweenGoToTheNearestAndTiesToEven(ElementType type) {
        for (int bits = 0; bits < (type == ElementType.FP16 ? 0x7bff : 0x7f7f); bits++) {
            double below = Halves.toDouble(type, (short) bits);
            double above = Halves.toDouble(type, (short) (bits + 1));
            double middle = (below + above) / 2;
            assertEquals((short) (bits + (bits & 1)), Halves.toBits(type, middle));
            assertEquals((short) bits, Halves.toBits(type, Math.nextDown(middle)));
            assertEquals((short) (bits + 1), Halves.toBits(type, Math.nextUp(middle)));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "FP16, 1, 0x3c00",
        "FP16, -2, 0xc000",
        "FP16, 65504, 0x7bff",
        "FP16, 65520, 0x7c00",
        "FP16, 5.9604644775390625e-8, 0x0001",
        "BF16, 1, 0x3f80",
        "BF16, -2, 0xc000",
        "BF16, 1e39, 0x7f80",
    })
    void knownBits(ElementType type, double value, String bits) {
        assertEquals(Integer.decode(bits).shortValue(), Halves.toBits(type, value));
    }

    @Test
    void notANumber() {
        for (ElementType type : List.of(ElementType.FP16, ElementType.BF16)) {
            assertTrue(Double.isNaN(Halves.round(type, Double.NaN)));
            assertTrue(Double.isNaN(Halves.toDouble(type, (short) 0x7fff)));
        }
    }
}
