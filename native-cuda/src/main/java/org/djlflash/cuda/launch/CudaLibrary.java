package org.djlflash.cuda.launch;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.JCudaDriver;
import org.djlflash.cuda.config.CudaSetting;
import org.djlflash.cuda.plan.DeviceInfo;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether kernels can be launched in this process, and on which GPUs. The answer is found at the
 * first question and stays the same. Thread-safe.
 */
public final class CudaLibrary {

    private static final Logger LOG = LoggerFactory.getLogger(CudaLibrary.class);

    private static final String DRIVER = "libcuda.so.1";

    private static Probe probe;

    /** What was found: either a cause for being unavailable, or a driver with devices. */
    private record Probe(Throwable cause, int driverVersion, List<DeviceInfo> devices) {}

    private CudaLibrary() {}

    /**
     * Tells whether there is a usable driver with at least one GPU.
     *
     * @return whether kernels can be launched
     */
    public static boolean isAvailable() {
        return probe().cause == null;
    }

    /**
     * Says why CUDA cannot be used.
     *
     * @return one sentence, empty when it can
     */
    public static Optional<String> unavailabilityCause() {
        return Optional.ofNullable(probe().cause).map(Throwable::getMessage);
    }

    /**
     * Does nothing when CUDA can be used.
     *
     * @throws IllegalStateException if it cannot; the message says why
     */
    public static void ensureAvailable() {
        Throwable cause = probe().cause;
        if (cause != null) {
            throw new IllegalStateException("CUDA is not available: " + cause.getMessage(), cause);
        }
    }

    /**
     * Lists the GPUs.
     *
     * @return the devices by their ordinal, empty when CUDA is not available
     */
    public static List<DeviceInfo> devices() {
        return probe().devices;
    }

    /**
     * Returns the newest CUDA version that the driver understands.
     *
     * @return such as 13000 for 13.0; 0 when CUDA is not available
     */
    public static int driverVersion() {
        return probe().driverVersion;
    }

    private static synchronized Probe probe() {
        if (probe == null) {
            try {
                probe = open();
            } catch (IOException | RuntimeException | LinkageError e) {
                LOG.debug("CUDA is not available", e);
                probe = new Probe(e, 0, List.of());
            }
        }
        return probe;
    }

    private static Probe open() throws IOException {
        if (!CudaSetting.ENABLED.isOn()) {
            throw new IllegalStateException(
                    "It is switched off by " + CudaSetting.ENABLED.property() + "=false.");
        }
        // JCuda would fail as well, but its message names a file of its own, not the driver.
        NativeLibrary driver;
        try {
            driver = NativeLibrary.getInstance(DRIVER);
        } catch (UnsatisfiedLinkError e) {
            throw new IllegalStateException(
                    "The NVIDIA driver is not installed (" + DRIVER + " was not found).", e);
        }
        try {
            Native.register(Driver.class, driver);
        } catch (UnsatisfiedLinkError e) {
            throw new IllegalStateException(
                    "The NVIDIA driver is too old; one for CUDA 12 or newer is needed: "
                            + e.getMessage(),
                    e);
        }
        JCudaNatives.load();
        CudaCall.check("cuInit", JCudaDriver.cuInit(0), "opening the driver");
        int[] version = {0};
        CudaCall.check(
                "cuDriverGetVersion",
                JCudaDriver.cuDriverGetVersion(version),
                "opening the driver");
        List<DeviceInfo> devices = readDevices();
        if (devices.isEmpty()) {
            throw new IllegalStateException("The NVIDIA driver shows no GPU.");
        }
        return new Probe(null, version[0], devices);
    }

    private static List<DeviceInfo> readDevices() {
        int[] count = {0};
        CudaCall.check("cuDeviceGetCount", JCudaDriver.cuDeviceGetCount(count), "listing devices");
        List<DeviceInfo> devices = new ArrayList<>();
        for (int ordinal = 0; ordinal < count[0]; ordinal++) {
            devices.add(readDevice(ordinal));
        }
        return List.copyOf(devices);
    }

    private static DeviceInfo readDevice(int ordinal) {
        CUdevice device = new CUdevice();
        CudaCall.check("cuDeviceGet", JCudaDriver.cuDeviceGet(device, ordinal), "listing devices");
        byte[] name = new byte[256];
        CudaCall.check(
                "cuDeviceGetName",
                JCudaDriver.cuDeviceGetName(name, name.length, device),
                "listing devices");
        return new DeviceInfo(
                ordinal,
                Native.toString(name),
                attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
                attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
                attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
                attribute(
                        device,
                        CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN));
    }

    /** Reads one of the driver's facts about a device. */
    static int attribute(CUdevice device, int attribute) {
        int[] value = {0};
        CudaCall.check(
                "cuDeviceGetAttribute",
                JCudaDriver.cuDeviceGetAttribute(value, attribute, device),
                "listing devices");
        return value[0];
    }
}
