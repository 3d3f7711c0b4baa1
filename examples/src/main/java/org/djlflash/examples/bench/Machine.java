package org.djlflash.examples.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import org.djlflash.cuda.launch.CudaLibrary;
import org.djlflash.cuda.launch.GpuRates;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.torch.TorchLibrary;

/** What a measurement depends on beside the code. */
public final class Machine {

    /** Where the Linux driver says its version. */
    private static final Path DRIVER_VERSION = Path.of("/sys/module/nvidia/version");

    private Machine() {}

    /**
     * Looks at this machine.
     *
     * @param device the GPU
     * @param version the version of djl-flash
     * @return names and values, for reading and for machines alike
     */
    public static Map<String, Object> facts(DeviceInfo device, String version) {
        GpuRates rates = GpuRates.of(device);
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("gpu", device.name());
        facts.put("capability", device.major() + "." + device.minor());
        facts.put("driver", driver(CudaLibrary.driverVersion()));
        facts.put("libtorch", TorchLibrary.version());
        facts.put("highest_clock_mhz", rates.clockMegahertz());
        facts.put("highest_memory_clock_mhz", rates.memoryMegahertz());
        facts.put("memory_gb_per_s", Math.round(rates.memoryGigabytesPerSecond()));
        facts.put("djl_flash", version);
        facts.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        return facts;
    }

    private static String driver(int cuda) {
        String version = "CUDA " + cuda / 1000 + "." + cuda % 1000 / 10;
        try {
            return Files.readString(DRIVER_VERSION).strip() + ", " + version;
        } catch (IOException e) {
            return version;
        }
    }
}
