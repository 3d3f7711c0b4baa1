package org.djlflash.cuda.jit;

/** The driver cannot run a cubin, for instance because a newer CUDA made it. */
public final class CubinRefusedException extends Exception {

    private static final long serialVersionUID = 1L;

    /**
     * Creates the exception.
     *
     * @param message what the driver said
     * @param cause the failed call
     */
    public CubinRefusedException(String message, Throwable cause) {
        super(message, cause);
    }
}
