package org.djlflash.examples.serve;

import ai.djl.MalformedModelException;
import java.util.Set;
import org.djlflash.zoo.json.JsonFields;
import org.djlflash.zoo.json.StrictJson;

/** The fields of a request; what is wrong with one is told in OpenAI's words. */
final class RequestFields {

    /** Reads a field. */
    @FunctionalInterface
    interface Reader<T> {
        T read(JsonFields fields, String key) throws MalformedModelException;
    }

    private final JsonFields fields;

    private RequestFields(JsonFields fields) {
        this.fields = fields;
    }

    /**
     * Parses a request.
     *
     * @throws ApiException if it is not one JSON object
     */
    static RequestFields parse(byte[] body) {
        try {
            return new RequestFields(StrictJson.parse(body, "the request"));
        } catch (MalformedModelException e) {
            throw ApiException.invalid(null, e.getMessage());
        }
    }

    boolean has(String key) {
        return fields.has(key);
    }

    /**
     * Refuses fields that no one knows.
     *
     * @throws ApiException if there is one
     */
    void refuseAllBut(Set<String> known) {
        for (String key : fields.keys()) {
            if (fields.has(key) && !known.contains(key)) {
                throw ApiException.invalid(key, "\"" + key + "\" is not supported");
            }
        }
    }

    /**
     * Reads a field.
     *
     * @throws ApiException if it is not as it should be; it names the field
     */
    <T> T get(String key, Reader<T> reader) {
        try {
            return reader.read(fields, key);
        } catch (MalformedModelException e) {
            throw ApiException.invalid(key, e.getMessage());
        }
    }
}
