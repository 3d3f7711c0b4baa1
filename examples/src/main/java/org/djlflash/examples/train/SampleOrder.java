package org.djlflash.examples.train;

import java.util.Arrays;
import java.util.Random;

/**
 * The order in which samples are read: all of them, shuffled, again and again. A step's batch
 * follows from its number, so that a training can go on anywhere.
 */
final class SampleOrder {

    private final int samples;
    private final int seed;
    private int[] order;
    private long round = -1;

    SampleOrder(int samples, int seed) {
        this.samples = samples;
        this.seed = seed;
    }

    /** Returns the samples of a step, which is counted from 0. */
    int[] batch(long step, int size) {
        int[] batch = new int[size];
        for (int i = 0; i < size; i++) {
            long place = step * size + i;
            shuffle(place / samples);
            batch[i] = order[(int) (place % samples)];
        }
        return batch;
    }

    private void shuffle(long wanted) {
        if (wanted == round) {
            return;
        }
        round = wanted;
        order = new int[samples];
        Arrays.setAll(order, i -> i);
        Random random = new Random(31L * seed + wanted);
        for (int i = samples - 1; i > 0; i--) {
            int other = random.nextInt(i + 1);
            int kept = order[i];
            order[i] = order[other];
            order[other] = kept;
        }
    }
}
