package org.djlflash.cuda.launch;

/**
 * The numbers of a step of AdamW.
 *
 * @param factor what gradients are multiplied by, one float in GPU memory, or {@link
 *     DevicePointer#NULL} for 1; if it is NaN, nothing but the gradients is written
 * @param scale what gradients are multiplied by in addition
 * @param keep what weights are multiplied by: 1 less the learning rate times the weight decay
 * @param rate the learning rate, corrected for moments that began with zero
 * @param beta1 how much of the mean of gradients is kept
 * @param beta2 how much of the mean of their squares is kept
 * @param epsilon what is added to the root of the mean of squares
 */
public record AdamWArguments(
        DevicePointer factor,
        float scale,
        float keep,
        float rate,
        float beta1,
        float beta2,
        float epsilon) {}
