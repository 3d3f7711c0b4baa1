package org.djlflash.zoo.provider;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Prompts of different lengths in one array: padded on the left, on the right, or both. */
final class PaddedIds {

    private PaddedIds() {}

    /**
     * Takes the padding away, so that nothing of it can show.
     *
     * @param inputs the tokens' ids, INT64, shape (B, T), and, if any is padding, a mask of that
     *     shape: 1 where a token counts, 0 where it is padding
     * @return the ids of each row
     */
    static List<int[]> prompts(NDList inputs) {
        Shape shape = inputs.get(0).getShape();
        if (inputs.size() > 2 || shape.dimension() != 2) {
            throw new IllegalArgumentException(
                    inputs.size()
                            + " arrays, token ids of shape "
                            + shape
                            + ", allowed are ids of shape (B, T) and a mask");
        }
        if (inputs.size() == 2 && !inputs.get(1).getShape().equals(shape)) {
            throw new IllegalArgumentException(
                    "mask of shape "
                            + inputs.get(1).getShape()
                            + ", allowed is that of the token ids: "
                            + shape);
        }
        int width = Math.toIntExact(shape.get(1));
        long[] ids = inputs.get(0).toLongArray();
        long[] mask = new long[ids.length];
        if (inputs.size() == 2) {
            mask = inputs.get(1).toLongArray();
        } else {
            Arrays.fill(mask, 1);
        }
        List<int[]> prompts = new ArrayList<>();
        for (int row = 0; row < shape.get(0); row++) {
            int from = row * width;
            prompts.add(
                    strip(
                            Arrays.copyOfRange(ids, from, from + width),
                            Arrays.copyOfRange(mask, from, from + width)));
        }
        return prompts;
    }

    private static int[] strip(long[] ids, long[] mask) {
        int start = 0;
        while (start < mask.length && mask[start] == 0) {
            start++;
        }
        int end = start;
        while (end < mask.length && mask[end] == 1) {
            end++;
        }
        if (Arrays.stream(mask, end, mask.length).anyMatch(seen -> seen != 0)) {
            throw new IllegalArgumentException(
                    "mask " + Arrays.toString(mask) + ", allowed are zeros, then ones, then zeros");
        }
        return Arrays.stream(ids, start, end).mapToInt(Math::toIntExact).toArray();
    }

    /** Puts prompts into an array of ids, padded on the left, and a mask, both (B, T). */
    static NDArray[] pad(NDManager manager, List<long[]> prompts) {
        int width = prompts.stream().mapToInt(prompt -> prompt.length).max().orElse(0);
        long[] ids = new long[prompts.size() * width];
        long[] mask = new long[ids.length];
        int end = 0;
        for (long[] prompt : prompts) {
            end += width;
            System.arraycopy(prompt, 0, ids, end - prompt.length, prompt.length);
            Arrays.fill(mask, end - prompt.length, end, 1);
        }
        Shape shape = new Shape(prompts.size(), width);
        return new NDArray[] {manager.create(ids, shape), manager.create(mask, shape)};
    }
}
