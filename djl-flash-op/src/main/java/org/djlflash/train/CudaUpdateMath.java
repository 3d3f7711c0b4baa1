package org.djlflash.train;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
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
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;
import org.djlflash.torch.TorchCuda;
import org.djlflash.torch.TorchLibrary;
import org.djlflash.train.ChunkTables.Table;

/**
 * All arrays in one launch of our own kernel: PyTorch's fused AdamW takes lists of tensors, which
 * its stable C ABI cannot pass.
 */
final class CudaUpdateMath implements UpdateMath {

    private static final Map<Integer, CudaUpdateMath> GPUS = new ConcurrentHashMap<>();

    private final int device;
    private final UpdateLauncher launcher;
    private final ChunkTables tables = new ChunkTables();

    private CudaUpdateMath(int device) {
        this.device = device;
        launcher =
                new UpdateLauncher(
                        CudaLibrary.devices().get(device), List.of(TorchLibrary.folder()));
    }

    static CudaUpdateMath of(Device device) {
        return GPUS.computeIfAbsent(device.getDeviceId(), CudaUpdateMath::new);
    }

    @Override
    public void lower(List<Twin> twins, ScalarType type) {
        Table table = twins("lower", twins);
        run(() -> launcher.lower(table.pointer(), table.count(), element(type), stream()));
    }

    @Override
    public void collect(List<Twin> twins, ScalarType type) {
        Table table = twins("collect", twins);
        run(() -> launcher.collect(table.pointer(), table.count(), element(type), stream()));
    }

    private Table twins(String purpose, List<Twin> twins) {
        return tables.get(
                purpose,
                twins.get(0).full().getManager(),
                twins.stream().map(CudaUpdateMath::span).toList());
    }

    private static Span span(Twin twin) {
        return new Span(
                List.of(
                        new Span.Column(twin.full(), 0),
                        new Span.Column(twin.low(), twin.offset())));
    }

    private static ElementType element(ScalarType type) {
        return type == ScalarType.FLOAT16 ? ElementType.FP16 : ElementType.BF16;
    }

    @Override
    public NDArray factor(List<Gradient> gradients, float scale, float limit, NDManager manager) {
        Table table =
                tables.get(
                        "factor",
                        gradients.get(0).weight().getManager(),
                        gradients.stream()
                                .map(gradient -> Span.of(null, gradient.values(), null, null))
                                .toList());
        NDArray sums = manager.zeros(new Shape(table.count()));
        NDArray factor = manager.zeros(new Shape());
        run(
                () ->
                        launcher.clipFactor(
                                table.pointer(),
                                table.count(),
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
        List<Span> spans = new ArrayList<>(gradients.size());
        for (int i = 0; i < gradients.size(); i++) {
            Gradient gradient = gradients.get(i);
            Moments own = moments.get(i);
            spans.add(Span.of(gradient.weight(), gradient.values(), own.mean(), own.variance()));
        }
        Table table = tables.get("adamw", gradients.get(0).weight().getManager(), spans);
        AdamWArguments arguments =
                new AdamWArguments(
                        factor == null ? DevicePointer.NULL : pointer(factor),
                        scale,
                        1 - rule.rate() * rule.decay(),
                        rule.correctedRate(),
                        rule.beta1(),
                        rule.beta2(),
                        rule.epsilon());
        run(() -> launcher.adamW(table.pointer(), table.count(), arguments, stream()));
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

    private static DevicePointer pointer(NDArray array) {
        try (Tensor tensor = Tensor.lentBy(array)) {
            return new DevicePointer(tensor.address());
        }
    }
}
