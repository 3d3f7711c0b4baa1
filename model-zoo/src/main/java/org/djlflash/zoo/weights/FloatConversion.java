package org.djlflash.zoo.weights;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.types.DataType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Copies one tensor out of a file, block by block, as FLOAT32 or FLOAT16. In between, a value is
 * the bits of a float, so that nothing touches a NaN.
 */
final class FloatConversion {

    private static final int BLOCK = 1 << 14;
    private static final int FLOAT_INFINITY = Float.floatToRawIntBits(Float.POSITIVE_INFINITY);

    private final String tensor;
    private final SafetensorsType source;
    private final DataType target;
    private final ByteBuffer block;
    private final int[] bits = new int[BLOCK];
    private final long[] longs;
    private final short[] shorts = new short[BLOCK];

    /**
     * Prepares a conversion.
     *
     * @param tensor what error messages call the tensor
     * @param source the type in the file
     * @param target FLOAT32 or FLOAT16
     */
    FloatConversion(String tensor, SafetensorsType source, DataType target) {
        this.tensor = tensor;
        this.source = source;
        this.target = target;
        block = ByteBuffer.allocateDirect(BLOCK * bytes(source)).order(ByteOrder.LITTLE_ENDIAN);
        longs = source == SafetensorsType.F64 ? new long[BLOCK] : new long[0];
    }

    static int bytes(SafetensorsType type) {
        return type.bits() / Byte.SIZE;
    }

    /** Fills what remains of the output, which has the byte order of the machine. */
    void read(DataFile file, long position, ByteBuffer output)
            throws IOException, MalformedModelException {
        if (isCopy() && output.order() == ByteOrder.LITTLE_ENDIAN) {
            file.read(position, output);
            return;
        }
        long next = position;
        while (output.hasRemaining()) {
            int count = Math.min(BLOCK, output.remaining() / target.getNumOfBytes());
            file.read(next, block.clear().limit(count * bytes(source)));
            block.flip();
            decode(count);
            encode(count, output);
            next += block.limit();
        }
    }

    private boolean isCopy() {
        return source == SafetensorsType.F32 && target == DataType.FLOAT32
                || source == SafetensorsType.F16 && target == DataType.FLOAT16;
    }

    private void decode(int count) throws MalformedModelException {
        switch (source) {
            case F32 -> block.asIntBuffer().get(bits, 0, count);
            case F64 -> {
                block.asLongBuffer().get(longs, 0, count);
                for (int i = 0; i < count; i++) {
                    bits[i] = narrow(Double.longBitsToDouble(longs[i]));
                }
            }
            case BF16 -> {
                block.asShortBuffer().get(shorts, 0, count);
                for (int i = 0; i < count; i++) {
                    bits[i] = shorts[i] << 16;
                }
            }
            case F16 -> {
                block.asShortBuffer().get(shorts, 0, count);
                for (int i = 0; i < count; i++) {
                    bits[i] = Half.toFloatBits(shorts[i]);
                }
            }
            default -> throw new IllegalArgumentException("not readable: " + source);
        }
    }

    private int narrow(double value) throws MalformedModelException {
        int nearest = Float.floatToRawIntBits((float) value);
        if (Double.isInfinite(value) || Double.isNaN(value)) {
            return nearest;
        }
        if ((nearest & FLOAT_INFINITY) == FLOAT_INFINITY) {
            throw tooLarge(value);
        }
        if (target == DataType.FLOAT32 || Float.intBitsToFloat(nearest) == value) {
            return nearest;
        }
        // Rounded to odd, a float still tells on which side of a tie the double lay: rounding twice
        // to nearest would not.
        boolean away = Math.abs(Float.intBitsToFloat(nearest)) > Math.abs(value);
        return (away ? nearest - 1 : nearest) | 1;
    }

    private void encode(int count, ByteBuffer output) throws MalformedModelException {
        if (target == DataType.FLOAT32) {
            output.asIntBuffer().put(bits, 0, count);
        } else {
            for (int i = 0; i < count; i++) {
                shorts[i] = Half.fromFloatBits(bits[i]);
                if (Half.isInfinite(shorts[i]) && (bits[i] & Integer.MAX_VALUE) != FLOAT_INFINITY) {
                    throw tooLarge(Float.intBitsToFloat(bits[i]));
                }
            }
            output.asShortBuffer().put(shorts, 0, count);
        }
        output.position(output.position() + count * target.getNumOfBytes());
    }

    private MalformedModelException tooLarge(double value) {
        return new MalformedModelException(
                String.format("%s holds %s, which %s cannot hold", tensor, value, target));
    }
}
