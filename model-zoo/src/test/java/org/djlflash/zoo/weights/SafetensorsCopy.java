package org.djlflash.zoo.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** The tensors of a safetensors file in memory, to be changed and written again. */
public final class SafetensorsCopy {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private SafetensorsCopy() {}

    /**
     * A tensor.
     *
     * @param dtype the name of the type
     * @param shape the shape, as JSON
     * @param data the elements
     */
    public record Tensor(String dtype, String shape, byte[] data) {

        /** Returns the same tensor with another shape. */
        public Tensor withShape(String other) {
            return new Tensor(dtype, other, data);
        }

        /** Returns the same bytes under the name of another type of the same size. */
        public Tensor withType(String other) {
            return new Tensor(other, shape, data);
        }

        /** Clears the lower half of every float. */
        public Tensor rounded() {
            byte[] upper = data.clone();
            for (int i = 0; i < upper.length; i++) {
                upper[i] = i % 4 < 2 ? 0 : upper[i];
            }
            return new Tensor(dtype, shape, upper);
        }

        /** Keeps the upper half of every float. */
        public Tensor bfloat16() {
            byte[] upper = new byte[data.length / 2];
            for (int i = 0; i < upper.length; i++) {
                upper[i] = data[i / 2 * 4 + 2 + i % 2];
            }
            return new Tensor("BF16", shape, upper);
        }
    }

    /** Reads a file. */
    public static Map<String, Tensor> read(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        long length = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
        int start = Math.toIntExact(Long.BYTES + length);
        JsonNode header = MAPPER.readTree(Arrays.copyOfRange(bytes, Long.BYTES, start));
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> field : header.properties()) {
            if (!field.getKey().equals("__metadata__")) {
                JsonNode info = field.getValue();
                int begin = start + info.get("data_offsets").get(0).asInt();
                int end = start + info.get("data_offsets").get(1).asInt();
                tensors.put(
                        field.getKey(),
                        new Tensor(
                                info.get("dtype").asText(),
                                info.get("shape").toString(),
                                Arrays.copyOfRange(bytes, begin, end)));
            }
        }
        return tensors;
    }

    /** Writes a file. */
    public static void write(Map<String, Tensor> tensors, Path file) throws IOException {
        ObjectNode header = MAPPER.createObjectNode();
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
            Tensor tensor = entry.getValue();
            ObjectNode info = header.putObject(entry.getKey());
            info.put("dtype", tensor.dtype());
            info.set("shape", MAPPER.readTree(tensor.shape()));
            info.putArray("data_offsets").add(data.size()).add(data.size() + tensor.data().length);
            data.writeBytes(tensor.data());
        }
        byte[] text = header.toString().getBytes(StandardCharsets.UTF_8);
        byte[] length =
                ByteBuffer.allocate(Long.BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(text.length)
                        .array();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes(length);
        bytes.writeBytes(text);
        data.writeTo(bytes);
        Files.write(file, bytes.toByteArray());
    }
}
