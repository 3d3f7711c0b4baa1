package org.djlflash.backend;

import ai.djl.Device;
import java.util.List;
import org.djlflash.cuda.launch.CudaLibrary;
import org.djlflash.torch.TorchCuda;

/** Whether our kernels can run on a device at all. Safe for use by many threads. */
public final class CudaAvailability {

    private CudaAvailability() {}

    /**
     * Says why our kernels cannot run on a device, whatever they are to compute.
     *
     * @param device the device
     * @return the reason, as a sentence; empty if they can
     */
    public static List<String> reasonsAgainst(Device device) {
        if (!device.isGpu()) {
            return List.of("The arrays are on the CPU; these kernels run on CUDA devices.");
        }
        if (CudaLibrary.unavailabilityCause().isPresent()) {
            return List.of(CudaLibrary.unavailabilityCause().get());
        }
        if (!TorchCuda.isAvailable()) {
            return List.of("The loaded libtorch is one for the CPU; one for CUDA is needed.");
        }
        int count = CudaLibrary.devices().size();
        if (device.getDeviceId() >= count) {
            return List.of(
                    "There is no GPU "
                            + device.getDeviceId()
                            + "; the driver shows "
                            + count
                            + ".");
        }
        return List.of();
    }
}
