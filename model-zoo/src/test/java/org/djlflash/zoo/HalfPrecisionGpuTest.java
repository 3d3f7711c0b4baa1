package org.djlflash.zoo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.djlflash.zoo.bert.Bert;
import org.djlflash.zoo.decoder.DecoderModel;
import org.djlflash.zoo.provider.CausalModels;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * FLOAT16 on our kernels by the rule of FlashAttention's own tests: the error beside the reference
 * is at most twice that of the same type without them, here PyTorch's on the CPU; its mean at most
 * one and a half times.
 */
@Tag("gpu")
class HalfPrecisionGpuTest {

    /** What FLOAT16 rounds of numbers of this size. */
    private static final double ROUNDING = 0x1p-11;

    private static NDList read(NDManager manager, Path folder) throws Exception {
        try (InputStream stream = Files.newInputStream(folder.resolve("expected.safetensors"))) {
            return NDList.decode(manager, stream);
        }
    }

    private static void assertAsExact(float[] reference, float[] without, float[] with) {
        double largest = 0;
        for (float value : reference) {
            largest = Math.max(largest, Math.abs(value));
        }
        double[] allowed = errors(reference, without);
        double[] found = errors(reference, with);
        double rounding = ROUNDING * largest;
        String errors =
                Arrays.toString(found) + " on the GPU, " + Arrays.toString(allowed) + " without";
        assertTrue(found[0] <= 2 * allowed[0] + rounding, errors);
        assertTrue(found[1] <= 1.5 * allowed[1] + rounding / 10, errors);
    }

    /** The greatest, and the mean. */
    private static double[] errors(float[] reference, float[] found) {
        assertEquals(reference.length, found.length);
        double greatest = 0;
        double sum = 0;
        for (int i = 0; i < found.length; i++) {
            double error = Math.abs((double) reference[i] - found[i]);
            // A NaN is no small error.
            greatest = error <= greatest ? greatest : error;
            sum += error;
        }
        return new double[] {greatest, sum / found.length};
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt2-random-hd32", "llama-random-gqa4"})
    void logits(String name) throws Exception {
        Device gpu = Gpu.device();
        Path folder = SharedModels.folder(name);
        try (NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch")) {
            NDList expected = read(manager, folder);
            int length = expected.get("lengths").toIntArray()[0];
            int[] ids = Arrays.copyOf(expected.get("input_ids").get(0).toIntArray(), length);
            assertAsExact(
                    expected.get("logits_row0").toFloatArray(),
                    logits(folder, Device.cpu(), ids),
                    logits(folder, gpu, ids));
        }
    }

    private static float[] logits(Path folder, Device device, int[] ids) throws Exception {
        try (NDManager manager = NDManager.newBaseManager(device, "PyTorch");
                DecoderModel<?> model = CausalModels.load(folder, device, DataType.FLOAT16, null)) {
            long[] row = Arrays.stream(ids).asLongStream().toArray();
            return model.logits(manager.create(row, new Shape(1, row.length))).toFloatArray();
        }
    }

    @Test
    void hiddenStates() throws Exception {
        Device gpu = Gpu.device();
        Path folder = SharedModels.folder("bert-random-hd32");
        assertAsExact(
                hiddenStates(folder, null),
                hiddenStates(folder, Device.cpu()),
                hiddenStates(folder, gpu));
    }

    /** Those of the reference if there is no device; padding is left out. */
    private static float[] hiddenStates(Path folder, Device device) throws Exception {
        Device place = device == null ? Device.cpu() : device;
        try (NDManager manager = NDManager.newBaseManager(place, "PyTorch")) {
            NDList expected = read(manager, folder);
            NDArray ids = expected.get("input_ids").toType(DataType.INT64, true);
            NDArray mask =
                    manager.arange((int) ids.getShape().get(1))
                            .reshape(1, -1)
                            .lt(expected.get("lengths").reshape(-1, 1))
                            .toType(DataType.FLOAT32, true);
            NDArray hidden = expected.get("last_hidden_state");
            if (device != null) {
                NDArray types = expected.get("token_type_ids").toType(DataType.INT64, true);
                try (Bert bert = Bert.load(folder, device, DataType.FLOAT16, null)) {
                    hidden =
                            bert.encode(new NDList(ids, types, mask))
                                    .head()
                                    .toType(DataType.FLOAT32, true);
                }
            }
            return hidden.mul(mask.expandDims(2)).toFloatArray();
        }
    }
}
