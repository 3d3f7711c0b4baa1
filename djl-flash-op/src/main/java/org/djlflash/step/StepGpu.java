package org.djlflash.step;

import ai.djl.Device;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.djlflash.cuda.jit.KernelUnavailableException;
import org.djlflash.cuda.launch.AttentionLauncher;
import org.djlflash.cuda.launch.CudaException;
import org.djlflash.cuda.launch.CudaLibrary;
import org.djlflash.cuda.launch.StepLauncher;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.plan.PlanCache;
import org.djlflash.torch.TorchCuda;
import org.djlflash.torch.TorchLibrary;

/** One GPU with the kernels of decode steps on it. Safe for use by many threads. */
final class StepGpu {

    private static final Map<Integer, StepGpu> GPUS = new ConcurrentHashMap<>();

    private final DeviceInfo info;
    private final PlanCache plans;
    private final AttentionLauncher attention;
    private final StepLauncher steps;

    private StepGpu(int device) {
        info = CudaLibrary.devices().get(device);
        attention = new AttentionLauncher(info, List.of(TorchLibrary.folder()));
        plans = new PlanCache(info, attention::prepare);
        steps = new StepLauncher(info, ElementType.FP16, List.of(TorchLibrary.folder()));
    }

    static StepGpu of(int device) {
        return GPUS.computeIfAbsent(device, StepGpu::new);
    }

    /** Says why the kernels cannot run on a device; empty if they can. */
    static List<String> unavailableReasons(Device device) {
        if (!device.isGpu()) {
            return List.of("The model is on the CPU; a captured step needs a CUDA device.");
        }
        if (CudaLibrary.unavailabilityCause().isPresent()) {
            return List.of(CudaLibrary.unavailabilityCause().get());
        }
        return TorchCuda.isAvailable()
                ? List.of()
                : List.of("The loaded libtorch is one for the CPU; one for CUDA is needed.");
    }

    DeviceInfo info() {
        return info;
    }

    /** Says why a problem cannot be solved; a kernel that cannot be had is a reason, too. */
    List<String> unsupportedReasons(AttentionProblem problem) {
        try {
            return plans.unsupportedReasons(problem);
        } catch (CudaException | KernelUnavailableException e) {
            return List.of(e.getMessage());
        }
    }

    PlanCache plans() {
        return plans;
    }

    AttentionLauncher attention() {
        return attention;
    }

    StepLauncher steps() {
        return steps;
    }
}
