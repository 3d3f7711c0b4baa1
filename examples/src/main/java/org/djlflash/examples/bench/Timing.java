package org.djlflash.examples.bench;

/**
 * How long a computation took.
 *
 * @param microseconds the median of the GPU's times
 * @param hostBound whether the GPU may have waited for the host meanwhile, so that this is the
 *     host's time rather than the kernels'
 */
public record Timing(double microseconds, boolean hostBound) {

    /** Adds what is done afterwards. */
    Timing plus(Timing next) {
        return new Timing(microseconds + next.microseconds, hostBound || next.hostBound);
    }
}
