package org.djlflash.examples.serve;

import java.time.Duration;

/**
 * What one server takes upon itself.
 *
 * @param queue how many prompts may wait
 * @param batch how many of them are continued at once at most
 * @param requestBytes the largest request
 * @param time how long an answer may take, waiting included
 */
public record ServeLimits(int queue, int batch, int requestBytes, Duration time) {

    /**
     * Checks the limits.
     *
     * @param queue at least 1
     * @param batch at least 1
     * @param requestBytes at least 1
     * @param time longer than nothing
     * @throws IllegalArgumentException if one is too small
     */
    public ServeLimits {
        if (queue < 1 || batch < 1 || requestBytes < 1 || time.compareTo(Duration.ZERO) <= 0) {
            throw new IllegalArgumentException(
                    "queue of "
                            + queue
                            + ", batches of "
                            + batch
                            + ", requests of "
                            + requestBytes
                            + " bytes, "
                            + time.toSeconds()
                            + " seconds: allowed is 1 or more of each");
        }
    }
}
