package org.djlflash.step;

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

    DeviceInfo info() {
        return info;
    }

    /** Says why a GPU cannot solve a problem; a kernel that cannot be had is a reason, too. */
    static List<String> unsupportedReasons(int device, AttentionProblem problem) {
        try {
            return of(device).plans.unsupportedReasons(problem);
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
