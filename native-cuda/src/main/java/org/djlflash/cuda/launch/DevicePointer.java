package org.djlflash.cuda.launch;

/**
 * An address in GPU memory, owned by whoever gave it. Immutable.
 *
 * @param address the address, 0 for none
 */
public record DevicePointer(long address) {

    /** No memory. */
    public static final DevicePointer NULL = new DevicePointer(0);

    /**
     * Returns an address further on.
     *
     * @param bytes the distance
     * @return the address
     */
    public DevicePointer plus(long bytes) {
        return new DevicePointer(Math.addExact(address, bytes));
    }

    @Override
    public String toString() {
        return "0x" + Long.toHexString(address);
    }
}
