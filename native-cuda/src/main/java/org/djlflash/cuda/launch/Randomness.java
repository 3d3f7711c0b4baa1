package org.djlflash.cuda.launch;

/**
 * What decides which attention weights dropout keeps; the same values give the same weights. Read
 * from GPU memory where a captured graph must draw new weights at each replay. Immutable.
 *
 * @param state two 64-bit numbers in GPU memory, seed and offset; null address to use the fields
 * @param seed the seed
 * @param offset the position in the seed's sequence
 */
public record Randomness(DevicePointer state, long seed, long offset) {

    /** For problems without dropout. */
    public static final Randomness NONE = new Randomness(DevicePointer.NULL, 0, 0);

    /**
     * Takes the numbers from the host.
     *
     * @param seed the seed
     * @param offset the position in the seed's sequence
     * @return the randomness
     */
    public static Randomness of(long seed, long offset) {
        return new Randomness(DevicePointer.NULL, seed, offset);
    }
}
