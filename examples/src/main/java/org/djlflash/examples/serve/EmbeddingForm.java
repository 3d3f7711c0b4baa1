package org.djlflash.examples.serve;

import ai.djl.MalformedModelException;
import java.util.List;
import java.util.Set;
import org.djlflash.zoo.json.JsonFields;

/** Reads the JSON of {@code /v1/embeddings}. What is not supported is refused, never ignored. */
final class EmbeddingForm {

    /** {@code user} is a note of the client's, for no one here. */
    private static final Set<String> KNOWN =
            Set.of("model", "input", "encoding_format", "dimensions", "user");

    /** OpenAI's limit. */
    private static final int MAX_TEXTS = 2048;

    private final RequestFields fields;

    private EmbeddingForm(RequestFields fields) {
        this.fields = fields;
    }

    /**
     * Reads a request.
     *
     * @param body the JSON
     * @throws ApiException if it is not as it should be
     */
    static EmbeddingRequest read(byte[] body) {
        return new EmbeddingForm(RequestFields.parse(body)).request();
    }

    private EmbeddingRequest request() {
        String model = fields.get("model", JsonFields::requireString);
        fields.refuseAllBut(KNOWN);
        boolean tokens = fields.get("input", JsonFields::holdsNumbers);
        return new EmbeddingRequest(
                model,
                tokens ? List.of() : texts(),
                tokens ? tokens() : List.of(),
                fields.get("dimensions", (form, key) -> form.optInt(key, 1, Integer.MAX_VALUE)),
                base64());
    }

    private List<String> texts() {
        List<String> texts = checkCount(fields.get("input", EmbeddingForm::strings));
        if (texts.contains("")) {
            throw ApiException.invalid("input", "a text is empty, allowed is one that is not");
        }
        return texts;
    }

    private static List<String> strings(JsonFields form, String key)
            throws MalformedModelException {
        if (!form.has(key)) {
            throw form.refuse(key, "a string, token ids, or a list of either");
        }
        return form.optStrings(key);
    }

    private List<long[]> tokens() {
        return checkCount(fields.get("input", JsonFields::requireRows));
    }

    private static <T> List<T> checkCount(List<T> texts) {
        if (texts.isEmpty() || texts.size() > MAX_TEXTS) {
            throw ApiException.invalid(
                    "input", texts.size() + " texts, allowed is from 1 to " + MAX_TEXTS);
        }
        return texts;
    }

    private boolean base64() {
        String format = fields.get("encoding_format", (form, key) -> form.optString(key, "float"));
        return switch (format) {
            case "float" -> false;
            case "base64" -> true;
            default ->
                    throw ApiException.invalid(
                            "encoding_format",
                            "\"encoding_format\" is " + format + ", allowed is float or base64");
        };
    }
}
