package org.djlflash.zoo.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;

/** Writes safetensors, right ones and wrong ones. */
final class SafetensorsBytes {

    private final List<String> entries = new ArrayList<>();
    private final ByteBuffer data = ByteBuffer.allocate(1 << 20).order(ByteOrder.LITTLE_ENDIAN);

    /** Puts a header of any text before data. */
    static byte[] of(String header, byte... data) {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(Long.BYTES + text.length + data.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(text.length)
                .put(text)
                .put(data)
                .array();
    }

    SafetensorsBytes f32(String name, String shape, float... values) {
        return add(name, "F32", shape, values.length, (b, i) -> b.putFloat(values[i]));
    }

    SafetensorsBytes f64(String name, String shape, double... values) {
        return add(name, "F64", shape, values.length, (b, i) -> b.putDouble(values[i]));
    }

    SafetensorsBytes i64(String name, String shape, long... values) {
        return add(name, "I64", shape, values.length, (b, i) -> b.putLong(values[i]));
    }

    SafetensorsBytes halves(String name, String type, String shape, int... bits) {
        return add(name, type, shape, bits.length, (b, i) -> b.putShort((short) bits[i]));
    }

    byte[] bytes() {
        byte[] written = new byte[data.position()];
        data.duplicate().flip().get(written);
        return of("{" + String.join(",", entries) + "}", written);
    }

    Path write(Path file) throws IOException {
        return Files.write(file, bytes());
    }

    private SafetensorsBytes add(
            String name, String type, String shape, int size, BiConsumer<ByteBuffer, Integer> put) {
        int begin = data.position();
        for (int i = 0; i < size; i++) {
            put.accept(data, i);
        }
        entries.add(
                String.format(
                        "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}",
                        name, type, shape, begin, data.position()));
        return this;
    }
}
