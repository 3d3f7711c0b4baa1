package org.djlflash.torch;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.pytorch.jni.LibUtils;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether this process has a libtorch whose stable C ABI we can use; looked up once, on first use.
 *
 * <p>Safe for use by many threads. Nothing here throws while a class is loaded.
 */
public final class TorchLibrary {

    /** The engine name that DJL gives to PyTorch. */
    public static final String ENGINE = "PyTorch";

    /** The ABI's version word keeps the major, minor and patch number in its three top bytes. */
    private static final int MAJOR_SHIFT = 56;

    private static final Logger logger = LoggerFactory.getLogger(TorchLibrary.class);

    private TorchLibrary() {}

    /** Loads on first access and keeps the outcome; being a value, a failure is not lost. */
    private static final class Holder {

        static final Throwable CAUSE = load();

        /** The library object must outlive every bound method. */
        private static NativeLibrary library;

        private static Throwable load() {
            try {
                Engine.getEngine(ENGINE);
                Path folder = Path.of(LibUtils.getLibtorchPath());
                Path file = folder.resolve(System.mapLibraryName("torch_cpu"));
                if (!Files.isRegularFile(file)) {
                    return new EngineException(
                            "no " + file.getFileName() + " beside the libtorch that DJL loaded");
                }
                library = NativeLibrary.getInstance(file.toString());
                Native.register(TorchAbi.class, library);
                logger.debug("stable C ABI of libtorch {} bound", versionText());
                return null;
            } catch (EngineException | UnsatisfiedLinkError | NoClassDefFoundError e) {
                return e;
            } catch (RuntimeException e) {
                return new EngineException("libtorch's C ABI could not be bound", e);
            }
        }

        static String versionText() {
            long word = TorchAbi.aoti_torch_abi_version();
            return (word >>> MAJOR_SHIFT)
                    + "."
                    + (word >>> MAJOR_SHIFT - Byte.SIZE & 0xff)
                    + "."
                    + (word >>> MAJOR_SHIFT - 2 * Byte.SIZE & 0xff);
        }
    }

    /**
     * Tells whether PyTorch's operators can be called.
     *
     * @return true if they can
     */
    public static boolean isAvailable() {
        return Holder.CAUSE == null;
    }

    /**
     * Returns why PyTorch's operators cannot be called.
     *
     * @return the cause, or empty if they can be called
     */
    public static Optional<Throwable> unavailabilityCause() {
        return Optional.ofNullable(Holder.CAUSE);
    }

    /**
     * Does nothing if PyTorch's operators can be called.
     *
     * @throws EngineException if they cannot, with the cause
     */
    public static void ensureAvailable() {
        if (Holder.CAUSE != null) {
            throw new EngineException(
                    "PyTorch's stable C ABI is not available (libtorch 2.7 or newer is needed): "
                            + Holder.CAUSE.getMessage(),
                    Holder.CAUSE);
        }
    }

    /**
     * Returns the version of the loaded libtorch, for example {@code 2.7.1}.
     *
     * @return the version
     * @throws EngineException if libtorch is not available
     */
    public static String version() {
        ensureAvailable();
        return Holder.versionText();
    }

    /**
     * Returns the folder of the loaded libtorch.
     *
     * @return the folder
     * @throws EngineException if libtorch is not available
     */
    public static Path folder() {
        ensureAvailable();
        return Path.of(LibUtils.getLibtorchPath());
    }

    /** Turns a status of the C ABI into an exception; the text itself went to standard error. */
    static void check(int status, String call) {
        if (status != 0) {
            throw new EngineException(
                    call
                            + " failed with status "
                            + status
                            + "; libtorch printed its message on the standard error stream");
        }
    }
}
