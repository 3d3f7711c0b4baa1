package org.djlflash.cuda.jit;

/** No machine code can be had for a kernel; the message names the kernel and what was tried. */
public final class KernelUnavailableException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates the exception.
     *
     * @param message names the kernel or the missing part, and what the user can do
     */
    public KernelUnavailableException(String message) {
        super(message);
    }

    /**
     * Creates the exception.
     *
     * @param message names the kernel or the missing part, and what the user can do
     * @param cause what the last attempt met
     */
    public KernelUnavailableException(String message, Throwable cause) {
        super(message, cause);
    }
}
