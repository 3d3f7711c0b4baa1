package org.djlflash.train;

/**
 * The numbers of a step of AdamW.
 *
 * @param rate the learning rate
 * @param correctedRate the learning rate, corrected for moments that began with zero
 * @param decay the weight decay
 * @param beta1 how much of the mean of gradients is kept
 * @param beta2 how much of the mean of their squares is kept
 * @param epsilon what is added to the root of the mean of squares
 */
record AdamWRule(
        float rate, float correctedRate, float decay, float beta1, float beta2, float epsilon) {

    static AdamWRule of(
            int step, float rate, float decay, float beta1, float beta2, float epsilon) {
        double mean = 1 - Math.pow(beta1, step);
        double variance = 1 - Math.pow(beta2, step);
        return new AdamWRule(
                rate, (float) (rate * Math.sqrt(variance) / mean), decay, beta1, beta2, epsilon);
    }
}
