package org.djlflash.zoo.generate.sampling;

/**
 * Divides by a temperature: below 1 likely tokens become likelier, above 1 less so.
 *
 * @param value the temperature, greater than 0
 */
public record Temperature(double value) implements LogitsRule {

    /**
     * Checks the temperature.
     *
     * @param value the temperature
     * @throws IllegalArgumentException if it is not greater than 0, or not finite
     */
    public Temperature {
        if (!(value > 0 && Double.isFinite(value))) {
            throw new IllegalArgumentException(
                    "temperature must be finite and greater than 0, found " + value);
        }
    }

    @Override
    public void apply(float[] logits, int[] history) {
        // Softmax does not see a shift, and without one a low temperature would overflow.
        float max = Logits.max(logits);
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) ((logits[i] - max) / value);
        }
    }
}
