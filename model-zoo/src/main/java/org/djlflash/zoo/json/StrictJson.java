package org.djlflash.zoo.json;

import ai.djl.MalformedModelException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Parses JSON that came from elsewhere: exactly one object, or one list of them, in UTF-8, no key
 * twice, nothing after its end, no deep nesting.
 */
public final class StrictJson {

    private static final int MAX_DEPTH = 64;

    private static final JsonMapper MAPPER =
            JsonMapper.builder(
                            JsonFactory.builder()
                                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                                    .streamReadConstraints(
                                            StreamReadConstraints.builder()
                                                    .maxNestingDepth(MAX_DEPTH)
                                                    .build())
                                    .build())
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build();

    private StrictJson() {}

    /**
     * Reads a file that holds one JSON object.
     *
     * @param file the file
     * @param maxBytes the largest size that is accepted
     * @return the fields of the object
     * @throws MalformedModelException if the file is missing, too large or not one JSON object
     * @throws IOException if the file cannot be read
     */
    public static JsonFields read(Path file, int maxBytes)
            throws MalformedModelException, IOException {
        return parse(bytes(file, maxBytes), file.getFileName().toString());
    }

    /**
     * Reads a file that holds one JSON list of objects.
     *
     * @param file the file
     * @param maxBytes the largest size that is accepted
     * @return the fields of each object
     * @throws MalformedModelException if the file is missing, too large or not one such list
     * @throws IOException if the file cannot be read
     */
    public static List<JsonFields> readList(Path file, int maxBytes)
            throws MalformedModelException, IOException {
        String name = file.getFileName().toString();
        JsonNode list = tree(bytes(file, maxBytes), name);
        if (!list.isArray()) {
            throw new MalformedModelException(
                    name + " must hold a JSON list, found " + JsonFields.describe(list));
        }
        List<JsonFields> objects = new ArrayList<>(list.size());
        for (JsonNode element : list) {
            objects.add(object(element, name + ": element " + objects.size()));
        }
        return List.copyOf(objects);
    }

    private static byte[] bytes(Path file, int maxBytes)
            throws MalformedModelException, IOException {
        String name = file.getFileName().toString();
        if (!Files.isRegularFile(file)) {
            throw new MalformedModelException(name + " is missing, or is not a file");
        }
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(maxBytes);
            if (in.read() >= 0) {
                throw new MalformedModelException(
                        name + " is larger than the " + maxBytes + " bytes that are allowed");
            }
            return bytes;
        }
    }

    /**
     * Parses one JSON object.
     *
     * @param utf8 the text in UTF-8
     * @param source what error messages call the text, such as a file name
     * @return the fields of the object
     * @throws MalformedModelException if the text is not one JSON object
     */
    public static JsonFields parse(byte[] utf8, String source) throws MalformedModelException {
        return object(tree(utf8, source), source);
    }

    private static JsonFields object(JsonNode node, String source) throws MalformedModelException {
        if (!node.isObject()) {
            throw new MalformedModelException(
                    source + " must hold a JSON object, found " + JsonFields.describe(node));
        }
        return new JsonFields(source, node);
    }

    private static JsonNode tree(byte[] utf8, String source) throws MalformedModelException {
        try {
            // Jackson would guess UTF-16 or UTF-32 from bytes, and let some invalid UTF-8 pass.
            String text =
                    StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString();
            return MAPPER.readTree(text);
        } catch (CharacterCodingException e) {
            throw new MalformedModelException(source + " is not UTF-8", e);
        } catch (JsonProcessingException e) {
            throw new MalformedModelException(
                    source + " is not JSON as it should be" + at(e) + e.getOriginalMessage(), e);
        }
    }

    private static String at(JsonProcessingException e) {
        JsonLocation location = e.getLocation();
        return location == null
                ? ": "
                : ", line " + location.getLineNr() + " column " + location.getColumnNr() + ": ";
    }
}
