package org.djlflash.cuda.launch;

/** A call of the CUDA driver failed. */
public final class CudaException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** The driver's function. */
    private final String call;

    /** What it returned. */
    private final int code;

    /** The name of what it returned. */
    private final String symbolicName;

    /**
     * Creates the exception.
     *
     * @param call the name of the driver's function
     * @param code the number it returned
     * @param symbolicName the name of that number
     * @param text the driver's explanation
     * @param context what was being done, on one line; a plan when a kernel was launched
     */
    CudaException(String call, int code, String symbolicName, String text, String context) {
        super("%s failed: %d %s (%s); %s".formatted(call, code, symbolicName, text, context));
        this.call = call;
        this.code = code;
        this.symbolicName = symbolicName;
    }

    /**
     * Returns the function that failed.
     *
     * @return such as {@code cuLaunchKernel}
     */
    public String call() {
        return call;
    }

    /**
     * Returns the driver's number for the failure.
     *
     * @return a value of {@code CUresult}
     */
    public int code() {
        return code;
    }

    /**
     * Returns the name of {@link #code()}.
     *
     * @return such as {@code CUDA_ERROR_OUT_OF_MEMORY}
     */
    public String symbolicName() {
        return symbolicName;
    }
}
