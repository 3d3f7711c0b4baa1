package org.djlflash.zoo.llama;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The rotary embedding against its formulas in double precision. */
class RotaryTest {

    private static double frequency(double base, int headSize, int i) {
        return 1 / Math.pow(base, 2.0 * i / headSize);
    }

    private static void assertFrequency(double expected, float actual) {
        assertEquals(expected, actual, 1e-7 * expected);
    }

    @Test
    void plainFrequencies() {
        float[] plain = new RotarySettings(10_000, new RotaryScaling.None()).frequencies(64);
        assertEquals(32, plain.length);
        for (int i = 0; i < 32; i++) {
            assertFrequency(frequency(10_000, 64, i), plain[i]);
        }
    }

    @Test
    void linearScaling() {
        float[] scaled = new RotarySettings(10_000, new RotaryScaling.Linear(2.5)).frequencies(64);
        for (int i = 0; i < 32; i++) {
            assertFrequency(frequency(10_000, 64, i) / 2.5, scaled[i]);
        }
    }

    /** As defined, by wavelengths. */
    @ParameterizedTest
    @CsvSource({
        "500000, 128, 8, 1, 4, 8192",
        "500000, 64, 32, 1, 4, 8192",
        "10000, 16, 4, 0.5, 3, 256"
    })
    void llama3Scaling(
            double base, int headSize, double factor, double low, double high, int positions) {
        float[] scaled =
                new RotarySettings(base, new RotaryScaling.Llama3(factor, low, high, positions))
                        .frequencies(headSize);
        for (int i = 0; i < headSize / 2; i++) {
            double plain = frequency(base, headSize, i);
            double wavelength = 2 * Math.PI / plain;
            double expected;
            if (wavelength < positions / high) {
                expected = plain;
            } else if (wavelength > positions / low) {
                expected = plain / factor;
            } else {
                double smooth = (positions / wavelength - low) / (high - low);
                expected = (1 - smooth) * plain / factor + smooth * plain;
            }
            assertFrequency(expected, scaled[i]);
        }
    }

    /** Llama 3.1: computed elsewhere, from the same definition. */
    @ParameterizedTest
    @CsvSource({
        "0, 1.0",
        "28, 0.003211445994752591",
        "29, 0.002166570763503359",
        "31, 0.0008567514129196321",
        "34, 0.0001785078127679964",
        "36, 7.78465527393245e-05",
        "63, 3.068925988914511e-07"
    })
    void frequenciesOfLlama31(int index, double expected) {
        RotarySettings settings =
                new RotarySettings(500_000, new RotaryScaling.Llama3(8, 1, 4, 8192));
        assertFrequency(expected, settings.frequencies(128)[index]);
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT32", "FLOAT16"})
    void turnsHalvesOfAHead(DataType type) {
        float[] frequencies = {1, 0.1f, 0.01f};
        long[][] positions = {{0, 1, 17}, {5, 300, 301}};
        int heads = 2;
        int size = 6;
        Random random = new Random(1);
        float[] x = new float[2 * 3 * heads * size];
        double[] expected = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            // Exact in either type.
            x[i] = random.nextInt(256) / 64f - 2;
        }
        for (int i = 0; i < x.length; i++) {
            int element = i % size;
            int head = i - element;
            long position = positions[i / (x.length / 2)][i / (heads * size) % 3];
            double angle = position * (double) frequencies[element % 3];
            // rotate_half: the second half, negated, comes before the first.
            double rotated = element < 3 ? -x[head + element + 3] : x[head + element - 3];
            expected[i] = x[i] * Math.cos(angle) + rotated * Math.sin(angle);
        }
        try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
            NDArray places = manager.create(positions);
            NDArray input = manager.create(x, new Shape(2, 3, heads, size)).toType(type, false);
            NDArray turned = Rotary.at(places, frequencies, type).apply(input);
            assertEquals(type, turned.getDataType());
            assertEquals(input.getShape(), turned.getShape());
            float[] actual = turned.toType(DataType.FLOAT32, false).toFloatArray();
            double[] widened = new double[actual.length];
            for (int i = 0; i < actual.length; i++) {
                widened[i] = actual[i];
            }
            assertArrayEquals(expected, widened, type == DataType.FLOAT32 ? 1e-4 : 1e-2);
        }
    }
}
