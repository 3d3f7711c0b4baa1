package org.djlflash.train;

/**
 * The factor of the loss that keeps small gradients from vanishing in FLOAT16: halved when a
 * gradient is not finite, doubled after many steps in which all were. For one thread.
 *
 * @see <a href="https://arxiv.org/abs/1710.03740">Micikevicius et al., Mixed Precision Training,
 *     section 3.2</a>
 */
final class LossScale {

    private static final float LARGEST = 1L << 24;

    private final int growthInterval;
    private float value;
    private int good;
    private long skipped;

    LossScale(float initial, int growthInterval) {
        this.value = initial;
        this.growthInterval = growthInterval;
    }

    float value() {
        return value;
    }

    long skipped() {
        return skipped;
    }

    /**
     * Learns from a step.
     *
     * @param finite whether all gradients were finite
     */
    void update(boolean finite) {
        if (!finite) {
            value = Math.max(1, value / 2);
            good = 0;
            skipped++;
        } else if (++good == growthInterval) {
            value = Math.min(LARGEST, value * 2);
            good = 0;
        }
    }
}
