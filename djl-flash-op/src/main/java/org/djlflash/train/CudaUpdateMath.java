package org.djlflash.train;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.djlflash.cuda.jit.KernelUnavailableException;
import org.djlflash.cuda.launch.AdamWArguments;
import org.djlflash.cuda.launch.CudaException;
import org.djlflash.cuda.launch.CudaLibrary;
import org.djlflash.cuda.launch.CudaStream;
import org.djlflash.cuda.launch.DevicePointer;
import org.djlflash.cuda.launch.UpdateLauncher;
import org.djlflash.cuda.plan.UpdatePlanner;
import org.djlflash.torch.Tensor;
import org.djlflash.torch.TorchCuda;
import org.djlflash.torch.TorchLibrary;

/**
 * All arrays in one launch of our own kernel: PyTorch's fused AdamW takes lists of tensors, which
 * its stable C ABI cannot pass.
 */
final class CudaUpdateMath implements UpdateMath {

    private static final int COLUMNS = 5;

    private static final Map<Integer, CudaUpdateMath> GPUS = new ConcurrentHashMap<>();

    private final int device;
    private final UpdateLauncher launcher;

    /** The chunks last used, by the address of the first gradient: they hardly ever change. */
    private final Map<Long, Chunks> tables = new HashMap<>();

    private CudaUpdateMath(int device) {
        this.device = device;
        launcher =
                new UpdateLauncher(
                        CudaLibrary.devices().get(device), List.of(TorchLibrary.folder()));
    }

    static boolean isAvailable(Device device) {
        return device.isGpu()
                && CudaLibrary.isAvailable()
                && TorchCuda.isAvailable()
                && device.getDeviceId() < CudaLibrary.devices().size();
    }

    static CudaUpdateMath of(Device device) {
        return GPUS.computeIfAbsent(device.getDeviceId(), CudaUpdateMath::new);
    }

    /** Where chunks are described, on the host and on the GPU. */
    private record Chunks(long[] rows, NDArray onGpu) {

        int count() {
            return rows.length / COLUMNS;
        }
    }

    @Override
    public NDArray factor(List<Gradient> gradients, float scale, float limit, NDManager manager) {
        Chunks chunks = chunks(gradients, null);
        NDArray sums = manager.zeros(new Shape(chunks.count()));
        NDArray factor = manager.zeros(new Shape());
        run(
                () ->
                        launcher.clipFactor(
                                pointer(chunks.onGpu()),
                                chunks.count(),
                                pointer(sums),
                                scale,
                                limit,
                                pointer(factor),
                                stream()));
        return factor;
    }

    @Override
    public void adamW(
            List<Gradient> gradients,
            List<Moments> moments,
            NDArray factor,
            float scale,
            AdamWRule rule) {
        Chunks chunks = chunks(gradients, moments);
        AdamWArguments arguments =
                new AdamWArguments(
                        factor == null ? DevicePointer.NULL : pointer(factor),
                        scale,
                        1 - rule.rate() * rule.decay(),
                        rule.correctedRate(),
                        rule.beta1(),
                        rule.beta2(),
                        rule.epsilon());
        run(() -> launcher.adamW(pointer(chunks.onGpu()), chunks.count(), arguments, stream()));
    }

    private static void run(Runnable launch) {
        try {
            launch.run();
        } catch (CudaException | KernelUnavailableException e) {
            throw new EngineException("updating the parameters failed: " + e.getMessage(), e);
        }
    }

    private CudaStream stream() {
        return new CudaStream(TorchCuda.currentStream(device));
    }

    /** Describes gradients; with moments, also those and the weights. */
    private synchronized Chunks chunks(List<Gradient> gradients, List<Moments> moments) {
        int count = 0;
        for (Gradient gradient : gradients) {
            count += Math.toIntExact(chunksOf(gradient.weight().getShape().size()));
        }
        long[] rows = new long[count * COLUMNS];
        int row = 0;
        for (int i = 0; i < gradients.size(); i++) {
            row = describe(gradients.get(i), moments == null ? null : moments.get(i), rows, row);
        }
        long key = moments == null ? -rows[1] : rows[1];
        Chunks known = tables.get(key);
        if (known == null || !Arrays.equals(known.rows(), rows)) {
            if (known != null) {
                known.onGpu().close();
            }
            checkLayouts(gradients, moments);
            NDManager manager = gradients.get(0).weight().getManager();
            known = new Chunks(rows, manager.create(rows, new Shape(rows.length)));
            tables.put(key, known);
        }
        return known;
    }

    private static long chunksOf(long elements) {
        return (elements + UpdatePlanner.CHUNK - 1) / UpdatePlanner.CHUNK;
    }

    private static int describe(Gradient gradient, Moments moments, long[] rows, int first) {
        long elements = gradient.weight().getShape().size();
        long[] addresses = {
            moments == null ? 0 : address(gradient.weight()),
            address(gradient.values()),
            moments == null ? 0 : address(moments.mean()),
            moments == null ? 0 : address(moments.variance())
        };
        int row = first;
        for (long from = 0; from < elements; from += UpdatePlanner.CHUNK) {
            for (long address : addresses) {
                rows[row++] = address == 0 ? 0 : address + from * Float.BYTES;
            }
            rows[row++] = Math.min(UpdatePlanner.CHUNK, elements - from);
        }
        return row;
    }

    private static void checkLayouts(List<Gradient> gradients, List<Moments> moments) {
        for (int i = 0; i < gradients.size(); i++) {
            checkLayout(gradients.get(i).values());
            if (moments != null) {
                checkLayout(gradients.get(i).weight());
                checkLayout(moments.get(i).mean());
                checkLayout(moments.get(i).variance());
            }
        }
    }

    /** The kernels would misread others. */
    private static void checkLayout(NDArray array) {
        try (Tensor tensor = Tensor.lentBy(array)) {
            long stride = 1;
            long[] sizes = tensor.sizes();
            long[] strides = tensor.strides();
            for (int i = sizes.length - 1; i >= 0; i--) {
                if (array.getDataType() != DataType.FLOAT32
                        || sizes[i] != 1 && strides[i] != stride) {
                    throw new IllegalArgumentException(
                            "parameter, gradient or moment is "
                                    + array.getDataType()
                                    + " "
                                    + array.getShape()
                                    + " with strides "
                                    + Arrays.toString(strides)
                                    + ", allowed is contiguous float32");
                }
                stride *= sizes[i];
            }
        }
    }

    private static DevicePointer pointer(NDArray array) {
        return new DevicePointer(address(array));
    }

    private static long address(NDArray array) {
        try (Tensor tensor = Tensor.lentBy(array)) {
            return tensor.address();
        }
    }
}
