package org.djlflash.cuda.launch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.djlflash.cuda.config.CudaSetting;
import org.djlflash.cuda.jit.CubinStore;
import org.djlflash.cuda.jit.KernelUnavailableException;
import org.djlflash.cuda.jit.NvrtcCompiler;
import org.djlflash.cuda.plan.DeviceInfo;

/**
 * What a person needs to know when the GPU is not used, or kernels cannot be compiled. Immutable.
 *
 * @param available whether kernels can be launched
 * @param driver the driver's CUDA version, or why CUDA is not available
 * @param devices the GPUs, empty when CUDA is not available
 * @param compiler NVRTC's version and path, or why there is none
 * @param cache the cache folder and its state
 */
public record CudaDiagnosis(
        boolean available, String driver, List<DeviceInfo> devices, String compiler, String cache) {

    /**
     * Looks at this machine. Creates the cache folder if it is missing; changes nothing else.
     *
     * @param libraryFolders folders to look for NVRTC in first, such as libtorch's
     * @return what was found; never throws for something missing
     */
    public static CudaDiagnosis take(List<Path> libraryFolders) {
        return new CudaDiagnosis(
                CudaLibrary.isAvailable(),
                CudaLibrary.unavailabilityCause().orElseGet(CudaDiagnosis::describeDriver),
                CudaLibrary.devices(),
                describeCompiler(libraryFolders),
                describeCache());
    }

    private static String describeDriver() {
        int version = CudaLibrary.driverVersion();
        return "CUDA " + version / 1000 + "." + version % 1000 / 10;
    }

    private static String describeCompiler(List<Path> libraryFolders) {
        try {
            NvrtcCompiler compiler = NvrtcCompiler.open(libraryFolders);
            String use =
                    CudaSetting.COMPILE.isOn()
                            ? ""
                            : ", not used because of " + CudaSetting.COMPILE.property() + "=false";
            return compiler.identity() + ", " + compiler.path() + use;
        } catch (KernelUnavailableException e) {
            return e.getMessage();
        }
    }

    private static String describeCache() {
        CubinStore store = CubinStore.open(CubinStore.defaultFolder());
        return store.folder()
                + ", "
                + store.problem().orElseGet(() -> store.size() + " compiled kernels");
    }

    /**
     * Returns the diagnosis for printing.
     *
     * @return one line a fact
     */
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add("driver: " + driver);
        devices.forEach(device -> lines.add(device.toString()));
        lines.add("compiler: " + compiler);
        lines.add("cache: " + cache);
        return lines;
    }
}
