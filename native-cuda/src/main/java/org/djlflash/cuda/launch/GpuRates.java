package org.djlflash.cuda.launch;

import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.JCudaDriver;
import org.djlflash.cuda.plan.DeviceInfo;

/**
 * What bounds the speed of a GPU, by the driver's attributes: the highest clocks, not those of the
 * moment. Immutable.
 *
 * @param clockMegahertz the highest clock of the multiprocessors, in MHz
 * @param memoryMegahertz the highest clock of the memory, in MHz
 * @param memoryBusBits the width of the memory bus
 * @param cacheBytes the size of the L2 cache
 */
public record GpuRates(
        int clockMegahertz, int memoryMegahertz, int memoryBusBits, long cacheBytes) {

    private static final int KILO = 1000;

    /**
     * Asks the driver.
     *
     * @param device one of {@link CudaLibrary#devices()}
     * @return the rates
     * @throws IllegalStateException if CUDA is not available
     */
    public static GpuRates of(DeviceInfo device) {
        CudaLibrary.ensureAvailable();
        CUdevice gpu = new CUdevice();
        CudaCall.check("cuDeviceGet", JCudaDriver.cuDeviceGet(gpu, device.ordinal()), device);
        return new GpuRates(
                CudaLibrary.attribute(gpu, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_CLOCK_RATE)
                        / KILO,
                CudaLibrary.attribute(gpu, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE)
                        / KILO,
                CudaLibrary.attribute(
                        gpu, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH),
                CudaLibrary.attribute(gpu, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE));
    }

    /**
     * Returns what the memory could deliver at its highest clock, two transfers a clock.
     *
     * @return the bandwidth in GB/s
     */
    public double memoryGigabytesPerSecond() {
        return 2.0 * memoryMegahertz * memoryBusBits / Byte.SIZE / KILO;
    }
}
