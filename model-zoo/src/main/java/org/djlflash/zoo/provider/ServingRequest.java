package org.djlflash.zoo.provider;

import ai.djl.modality.Input;
import ai.djl.ndarray.BytesSupplier;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.djlflash.zoo.generate.GenerationArguments;

/**
 * A request to DJL Serving: {@code {"inputs": "text", "parameters": {...}}}, or several texts in a
 * list; or text alone, if its content type says so.
 *
 * @param prompts the texts to continue
 * @param isList whether they came as a list, so that the answer is one
 * @param parameters those of {@link GenerationArguments}
 * @param details whether the answer says more than the text
 * @param fullText whether the text of the answer begins with the prompt
 */
record ServingRequest(
        List<String> prompts,
        boolean isList,
        Map<String, Object> parameters,
        boolean details,
        boolean fullText) {

    private static final JsonMapper MAPPER =
            JsonMapper.builder(
                            JsonFactory.builder()
                                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                                    .build())
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build();

    /**
     * Reads a request.
     *
     * @throws IllegalArgumentException if it is not one
     */
    static ServingRequest read(Input input) {
        BytesSupplier data = input.getContent().isEmpty() ? null : input.getData();
        if (data == null) {
            throw new IllegalArgumentException(
                    "a request without content, allowed is JSON with inputs");
        }
        String text = data.getAsString();
        String type = input.getProperty("Content-Type", "").toLowerCase(Locale.ROOT);
        return type.startsWith("text/")
                ? new ServingRequest(List.of(text), false, Map.of(), false, false)
                : read(text);
    }

    private static ServingRequest read(String text) {
        JsonNode body;
        try {
            body = MAPPER.readTree(text);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(
                    "the request is not JSON: " + e.getOriginalMessage(), e);
        }
        if (!body.isObject() || !body.has("inputs")) {
            throw new IllegalArgumentException(
                    "the request is a JSON "
                            + body.getNodeType().toString().toLowerCase(Locale.ROOT)
                            + (body.isObject() ? " without inputs" : "")
                            + ", allowed is an object with inputs");
        }
        JsonNode inputs = body.get("inputs");
        List<String> prompts = new ArrayList<>();
        for (JsonNode prompt : inputs.isArray() ? inputs : List.of(inputs)) {
            if (!prompt.isTextual()) {
                throw new IllegalArgumentException(
                        "inputs is " + inputs + ", allowed is a string or a list of strings");
            }
            prompts.add(prompt.textValue());
        }
        Map<String, Object> parameters = parameters(body.path("parameters"));
        boolean details = flag(parameters, "details");
        boolean fullText = flag(parameters, "return_full_text");
        parameters.keySet().stream()
                .filter(name -> !GenerationArguments.isKnown(name))
                .findFirst()
                .ifPresent(
                        name -> {
                            throw new IllegalArgumentException(
                                    "parameter "
                                            + name
                                            + ", allowed are details, return_full_text, "
                                            + String.join(", ", GenerationArguments.names()));
                        });
        return new ServingRequest(prompts, inputs.isArray(), parameters, details, fullText);
    }

    private static Map<String, Object> parameters(JsonNode node) {
        Map<String, Object> parameters = new HashMap<>();
        if (node.isMissingNode() || node.isNull()) {
            return parameters;
        }
        if (!node.isObject()) {
            throw new IllegalArgumentException("parameters is " + node + ", allowed is an object");
        }
        node.properties()
                .forEach(
                        field ->
                                parameters.put(
                                        field.getKey(),
                                        MAPPER.convertValue(field.getValue(), Object.class)));
        return parameters;
    }

    private static boolean flag(Map<String, Object> parameters, String name) {
        Object value = parameters.remove(name);
        if (value != null && !(value instanceof Boolean)) {
            throw new IllegalArgumentException(
                    "parameter " + name + " is " + value + ", allowed is true or false");
        }
        return value != null && (boolean) value;
    }
}
