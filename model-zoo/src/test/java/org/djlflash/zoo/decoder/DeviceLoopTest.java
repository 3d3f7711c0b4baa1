package org.djlflash.zoo.decoder;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import java.util.OptionalInt;
import org.djlflash.kv.KvCache;
import org.djlflash.zoo.Activation;
import org.djlflash.zoo.gpt2.Gpt2Block;
import org.djlflash.zoo.gpt2.Gpt2Config;
import org.junit.jupiter.api.Test;

class DeviceLoopTest {

    private static final String NO_GPU =
            "The arrays are on the CPU; these kernels run on CUDA devices.";

    /** The kernels read vectors of 8 elements. */
    @Test
    void sizesThatKernelsWouldMisreadAreReasons() {
        assertEquals(List.of(NO_GPU), reasons(32, 4, 96));
        assertEquals(
                List.of(
                        NO_GPU,
                        "The model is 36 wide; the kernels take multiples of 8 up to 8192.",
                        "A head is 12 wide; the kernels take multiples of 8."),
                reasons(36, 3, 96));
        assertEquals(
                List.of(
                        NO_GPU,
                        "The feed-forward part is 100 wide; the kernels take multiples of 8."),
                reasons(32, 4, 100));
    }

    private static List<String> reasons(int width, int heads, int inner) {
        Gpt2Config config =
                new Gpt2Config(
                        50,
                        16,
                        width,
                        1,
                        heads,
                        inner,
                        Activation.GELU,
                        1e-5,
                        0,
                        0,
                        0,
                        true,
                        false,
                        false,
                        OptionalInt.empty(),
                        List.of());
        try (NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch")) {
            Gpt2Block block = new Gpt2Block(config);
            block.initialize(manager, DataType.FLOAT16, new Shape(1, 1));
            KvCache cache =
                    KvCache.builder()
                            .setBatchSize(1)
                            .setHeads(heads)
                            .setHeadSize(width / heads)
                            .setCapacity(16)
                            .build(manager);
            return DeviceLoop.unsupportedReasons(block, cache, Device.cpu());
        }
    }
}
