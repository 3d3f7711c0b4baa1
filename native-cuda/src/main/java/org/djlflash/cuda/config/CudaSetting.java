package org.djlflash.cuda.config;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * Every setting of the CUDA kernels. A value is read at the moment it is needed: first from the
 * system property, then from the environment variable; blank counts as not set.
 *
 * <p>Thread-safe: the constants hold no state of their own.
 */
public enum CudaSetting {
    /** {@code false} hides the GPU: no native library is opened, CUDA counts as unavailable. */
    ENABLED("org.djlflash.cuda.enabled"),

    /** {@code false} forbids compiling kernels at run time; prebuilt and cached ones still load. */
    COMPILE("org.djlflash.cuda.compile"),

    /**
     * {@code false} keeps to the portable kernels, which shows whether a fault is one of the
     * kernels made for a GPU. Read when a problem is planned for the first time.
     */
    SPECIALIZED("org.djlflash.cuda.specialized"),

    /**
     * {@code true} decodes on the kernel made for compute capability 9.0. Off, because that kernel
     * has been checked and measured without the launcher of this library. Read when a problem is
     * planned for the first time.
     */
    HOPPER_DECODE("org.djlflash.cuda.hopperDecode", false),

    /** The NVRTC library file, or the folder that holds it. */
    NVRTC("org.djlflash.cuda.nvrtc"),

    /** The folder of compiled kernels; must belong to the user alone. */
    CACHE_FOLDER("org.djlflash.cuda.cacheFolder");

    private final String property;
    private final boolean unset;

    CudaSetting(String property) {
        this(property, true);
    }

    CudaSetting(String property, boolean unset) {
        this.property = property;
        this.unset = unset;
    }

    /**
     * Returns the name of the system property.
     *
     * @return such as {@code org.djlflash.cuda.cacheFolder}
     */
    public String property() {
        return property;
    }

    /**
     * Returns the name of the environment variable, read when the property is not set.
     *
     * @return such as {@code DJLFLASH_CUDA_CACHE_FOLDER}
     */
    public String environmentVariable() {
        return "DJLFLASH_CUDA_" + name();
    }

    /**
     * Returns the value as written by the user.
     *
     * @return the text, empty when neither place sets it
     */
    public Optional<String> text() {
        return Optional.ofNullable(System.getProperty(property))
                .filter(text -> !text.isBlank())
                .or(() -> Optional.ofNullable(System.getenv(environmentVariable())))
                .filter(text -> !text.isBlank());
    }

    /**
     * Returns the value as a path.
     *
     * @return the path, empty when not set
     */
    public Optional<Path> path() {
        return text().map(Path::of);
    }

    /**
     * Returns the value as a switch. A switch that is not set is on, but for {@link
     * #HOPPER_DECODE}.
     *
     * @return whether the switch is on
     * @throws IllegalArgumentException if the value is neither {@code true} nor {@code false}
     */
    public boolean isOn() {
        String text = text().orElse(String.valueOf(unset)).trim().toLowerCase(Locale.ROOT);
        return switch (text) {
            case "true" -> true;
            case "false" -> false;
            default ->
                    throw new IllegalArgumentException(
                            property
                                    + " ("
                                    + environmentVariable()
                                    + ") is '"
                                    + text
                                    + "'; allowed are true and false.");
        };
    }
}
