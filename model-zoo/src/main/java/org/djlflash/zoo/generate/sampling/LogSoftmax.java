package org.djlflash.zoo.generate.sampling;

/** Makes logits the logarithms of the probabilities that softmax gives. */
public record LogSoftmax() implements LogitsRule {

    /**
     * {@inheritDoc}
     *
     * @throws IllegalStateException if a logit is NaN or positive infinity, or none is finite
     */
    @Override
    public void apply(float[] logits, int[] history) {
        Logits.check(logits);
        float max = Logits.max(logits);
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp((double) logit - max);
        }
        double shift = max + Math.log(sum);
        for (int id = 0; id < logits.length; id++) {
            logits[id] = (float) (logits[id] - shift);
        }
    }
}
