package org.djlflash;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.training.GradientCollector;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import org.djlflash.kv.KvCache;
import org.djlflash.testkit.SoakJvm;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The same call many times over, in a JVM of its own, on a GPU that no other process uses. */
enum CudaSoak {
    /** Inference. */
    DIRECT {
        @Override
        void call(Stage stage, NDManager scope) {
            FlashAttention.attend(stage.query, stage.query, stage.query, CUDA).close();
        }
    },
    /** Forward and backward. */
    TRAINING {
        @Override
        void call(Stage stage, NDManager scope) {
            try (GradientCollector collector = Engine.getEngine("PyTorch").newGradientCollector();
                    NDArray output =
                            FlashAttention.attend(stage.leaf, stage.leaf, stage.leaf, CUDA)) {
                NDArray loss = output.sum();
                // The collector leaves an array at the manager of the loss.
                loss.attach(scope);
                collector.backward(loss);
            }
        }
    },
    /** Tokens one by one, again and again into the same cache. */
    DECODING {
        @Override
        void call(Stage stage, NDManager scope) {
            if (stage.cache.lengths()[0] == stage.cache.capacity()) {
                stage.cache.truncate(0);
            }
            FlashAttention.decode(stage.token, stage.token, stage.token, stage.cache, CUDA).close();
        }
    };

    private static final AttentionOptions CUDA =
            AttentionOptions.builder().optBackend(Backend.CUDA).build();

    private static final Logger logger = LoggerFactory.getLogger(CudaSoak.class);

    private static final int CALLS = 10_000;
    private static final int WARM_UP = 1000;
    private static final long LIMIT_KILOBYTES = 16 * 1024;

    /** The least that PyTorch's allocator takes from the driver. */
    private static final long SEGMENT_KILOBYTES = 2 * 1024;

    /** One call. */
    abstract void call(Stage stage, NDManager scope);

    /** What the calls work on. */
    private static final class Stage implements AutoCloseable {

        final NDManager manager = NDManager.newBaseManager(Device.gpu(), "PyTorch");
        final NDArray query = array(64);
        final NDArray leaf = Fixtures.leaf(array(64));
        final NDArray token = array(1);
        final KvCache cache =
                KvCache.builder()
                        .setBatchSize(1)
                        .setHeads(4)
                        .setHeadSize(64)
                        .setCapacity(300)
                        .optDataType(DataType.FLOAT16)
                        .build(manager);

        private NDArray array(int tokens) {
            return Fixtures.gaussian(manager, tokens, 1, 4, tokens, 64)
                    .toType(DataType.FLOAT16, false);
        }

        @Override
        public void close() {
            manager.close();
        }
    }

    private void soak() {
        try (Stage stage = new Stage()) {
            repeat(stage, WARM_UP);
            long process = SoakJvm.residentKilobytes();
            long device = deviceKilobytes();
            repeat(stage, CALLS);
            process = SoakJvm.residentKilobytes() - process;
            device = deviceKilobytes() - device;
            logger.info("{}: {} KB of the process, {} KB of the GPU more", this, process, device);
            if (process > LIMIT_KILOBYTES || device >= SEGMENT_KILOBYTES) {
                throw new AssertionError(this + " grows");
            }
        }
    }

    private void repeat(Stage stage, int calls) {
        for (int i = 0; i < calls; i++) {
            try (NDManager scope = stage.manager.newSubManager()) {
                call(stage, scope);
            }
        }
    }

    private static long deviceKilobytes() {
        long[] free = new long[1];
        long[] total = new long[1];
        check(JCudaDriver.cuCtxSynchronize());
        check(JCudaDriver.cuMemGetInfo(free, total));
        return (total[0] - free[0]) / 1024;
    }

    private static void check(int result) {
        if (result != CUresult.CUDA_SUCCESS) {
            throw new AssertionError(CUresult.stringFor(result));
        }
    }

    /** Runs all of them, one after the other. */
    public static void main(String... arguments) throws InterruptedException {
        SoakJvm.run(
                () -> {
                    for (CudaSoak soak : values()) {
                        soak.soak();
                    }
                });
    }
}
