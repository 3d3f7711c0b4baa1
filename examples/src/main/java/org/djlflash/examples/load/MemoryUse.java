package org.djlflash.examples.load;

import ai.djl.Device;
import ai.djl.util.cuda.CudaUtils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What this process holds.
 *
 * @param heapMegabytes on the Java heap, garbage collected
 * @param processMegabytes in all, 0 where the system does not tell
 * @param deviceMegabytes on the GPU, other processes included, 0 without one
 */
public record MemoryUse(double heapMegabytes, double processMegabytes, double deviceMegabytes) {

    private static final Path STATUS = Path.of("/proc/self/status");
    private static final double MEGA = 1e6;

    /**
     * Looks at this moment.
     *
     * @param device the device that is used
     * @return what is held
     */
    public static MemoryUse now(Device device) {
        System.gc();
        Runtime runtime = Runtime.getRuntime();
        return new MemoryUse(
                (runtime.totalMemory() - runtime.freeMemory()) / MEGA,
                resident() / MEGA,
                device.isGpu() ? CudaUtils.getGpuMemory(device).getUsed() / MEGA : 0);
    }

    private static double resident() {
        try {
            return Files.readAllLines(STATUS).stream()
                    .filter(line -> line.startsWith("VmRSS:"))
                    .mapToDouble(line -> 1024 * Double.parseDouble(line.split("\\s+")[1]))
                    .sum();
        } catch (IOException e) {
            return 0;
        }
    }
}
