package org.djlflash.cuda.jit;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.StringArray;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.djlflash.cuda.config.CudaSetting;
import org.djlflash.cuda.plan.KernelVariant;

/**
 * NVIDIA's run-time compiler, reached through JNA so that no version of it is baked in.
 * Thread-safe: each call works on a program of its own, which NVRTC allows.
 */
public final class NvrtcCompiler implements CubinCompiler {

    /** The first version that knows sm_90 and gives cubins; as 100 x major + minor. */
    private static final int MINIMUM_VERSION = 1108;

    /** Constant functions need no mark to be evaluated while compiling, as with nvcc. */
    private static final String DEVICE_ONLY = "--device-as-default-execution-space";

    private static final int SUCCESS = 0;

    private final Nvrtc nvrtc;

    /** Only held: JNA closes a library that nothing refers to. */
    private final List<NativeLibrary> builtins;

    private final String path;
    private final String version;

    private NvrtcCompiler(Nvrtc nvrtc, List<NativeLibrary> builtins, String path, String version) {
        this.nvrtc = nvrtc;
        this.builtins = builtins;
        this.path = path;
        this.version = version;
    }

    /**
     * Opens the first usable NVRTC library: the one that {@link CudaSetting#NVRTC} names, or else
     * one in the given folders, in CUDA's folders, on the loader's path.
     *
     * @param libraryFolders folders to look at first, such as libtorch's
     * @return the compiler
     * @throws KernelUnavailableException if none is found; the message lists what was tried
     */
    public static NvrtcCompiler open(List<Path> libraryFolders) {
        List<String> tried = new ArrayList<>();
        for (String candidate : new NvrtcFinder(libraryFolders, System::getenv).candidates()) {
            try {
                return open(candidate);
            } catch (KernelUnavailableException | UnsatisfiedLinkError e) {
                tried.add(candidate + ": " + firstLine(e.getMessage()));
            }
        }
        throw new KernelUnavailableException(
                "No usable NVRTC (11.8 or newer) was found. Set "
                        + CudaSetting.NVRTC.property()
                        + " to libnvrtc.so or its folder. Tried: "
                        + (tried.isEmpty() ? "nothing to try" : String.join("; ", tried))
                        + ".");
    }

    private static NvrtcCompiler open(String candidate) {
        Nvrtc nvrtc = Native.load(candidate, Nvrtc.class);
        IntByReference major = new IntByReference();
        IntByReference minor = new IntByReference();
        check(nvrtc, nvrtc.nvrtcVersion(major, minor), "nvrtcVersion");
        String version = major.getValue() + "." + minor.getValue();
        if (major.getValue() * 100 + minor.getValue() < MINIMUM_VERSION) {
            throw new KernelUnavailableException("version " + version + " is older than 11.8");
        }
        String path =
                NativeLibrary.getInstance(candidate).getFile() == null
                        ? candidate
                        : NativeLibrary.getInstance(candidate).getFile().getPath();
        List<NativeLibrary> builtins =
                NvrtcFinder.builtinsOf(path).stream().map(NativeLibrary::getInstance).toList();
        return new NvrtcCompiler(nvrtc, builtins, path, version);
    }

    /**
     * Returns where the library lies.
     *
     * @return a path, or the bare name when the loader found it
     */
    public String path() {
        return path;
    }

    @Override
    public String identity() {
        return "nvrtc " + version;
    }

    @Override
    public byte[] compile(String source, KernelVariant variant) {
        PointerByReference handle = new PointerByReference();
        check(
                nvrtc,
                nvrtc.nvrtcCreateProgram(handle, source, variant.sourceFile(), 0, null, null),
                "nvrtcCreateProgram");
        try {
            return compile(handle.getValue(), variant);
        } finally {
            nvrtc.nvrtcDestroyProgram(handle);
        }
    }

    private byte[] compile(Pointer program, KernelVariant variant) {
        List<String> all = new ArrayList<>(variant.compilerOptions());
        all.add(DEVICE_ONLY);
        String[] options = all.toArray(String[]::new);
        int result = nvrtc.nvrtcCompileProgram(program, options.length, new StringArray(options));
        if (result != SUCCESS) {
            throw new KernelUnavailableException(
                    "%s could not compile %s: %s%n%s"
                            .formatted(
                                    identity(),
                                    variant,
                                    nvrtc.nvrtcGetErrorString(result),
                                    log(program)));
        }
        LongByReference size = new LongByReference();
        check(nvrtc, nvrtc.nvrtcGetCUBINSize(program, size), "nvrtcGetCUBINSize");
        byte[] cubin = new byte[Math.toIntExact(size.getValue())];
        check(nvrtc, nvrtc.nvrtcGetCUBIN(program, cubin), "nvrtcGetCUBIN");
        return cubin;
    }

    private String log(Pointer program) {
        LongByReference size = new LongByReference();
        check(nvrtc, nvrtc.nvrtcGetProgramLogSize(program, size), "nvrtcGetProgramLogSize");
        byte[] log = new byte[Math.toIntExact(size.getValue())];
        check(nvrtc, nvrtc.nvrtcGetProgramLog(program, log), "nvrtcGetProgramLog");
        return new String(log, StandardCharsets.UTF_8).replace("\0", "").strip();
    }

    private static void check(Nvrtc nvrtc, int result, String call) {
        if (result != SUCCESS) {
            throw new KernelUnavailableException(
                    call + " failed: " + result + " " + nvrtc.nvrtcGetErrorString(result));
        }
    }

    private static String firstLine(String message) {
        String line = message == null ? "" : message.lines().findFirst().orElse("");
        return line.isEmpty() ? "cannot be opened" : line.replaceFirst("[:.]$", "");
    }
}
