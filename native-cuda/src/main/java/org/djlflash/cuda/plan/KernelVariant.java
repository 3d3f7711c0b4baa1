package org.djlflash.cuda.plan;

import java.util.ArrayList;
import java.util.List;

/**
 * One kernel as it is compiled: which entry, with which compile-time values, for which GPU. Two
 * equal variants are the same machine code. Immutable.
 *
 * @param folder what the kernel is for: {@code attention}, {@code step}, {@code train} or {@code
 *     measure}
 * @param entry the name of the kernel, such as {@code forward}
 * @param defines the compile-time values, {@code NAME=value}; kept sorted
 * @param architecture such as {@code sm_90}
 */
public record KernelVariant(
        String folder, String entry, List<String> defines, String architecture) {

    /**
     * Sorts the values, so that their order makes no difference.
     *
     * @param folder what the kernel is for
     * @param entry the name of the kernel
     * @param defines the compile-time values in any order
     * @param architecture such as {@code sm_90}
     */
    public KernelVariant {
        defines = defines.stream().sorted().toList();
    }

    /**
     * Creates a kernel of attention.
     *
     * @param entry the name of the kernel
     * @param defines the compile-time values in any order
     * @param architecture such as {@code sm_90}
     */
    public KernelVariant(String entry, List<String> defines, String architecture) {
        this("attention", entry, defines, architecture);
    }

    /**
     * Returns the file to compile.
     *
     * @return its path below the root of the device code
     */
    public String sourceFile() {
        return folder + "/entry/" + entry + ".cu";
    }

    /**
     * Returns the name by which the driver finds the kernel in its module.
     *
     * @return the unmangled name
     */
    public String functionName() {
        return "flash_" + entry;
    }

    /**
     * Returns the options for the compiler; NVRTC and nvcc understand the same ones.
     *
     * @return the options in a fixed order
     */
    public List<String> compilerOptions() {
        List<String> options = new ArrayList<>();
        options.add("--gpu-architecture=" + architecture);
        options.add("--std=c++17");
        defines.forEach(define -> options.add("-D" + define));
        return options;
    }

    @Override
    public String toString() {
        return entry + "[" + String.join(" ", defines) + "] " + architecture;
    }
}
