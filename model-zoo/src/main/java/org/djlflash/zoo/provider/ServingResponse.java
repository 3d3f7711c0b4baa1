package org.djlflash.zoo.provider;

import ai.djl.modality.Output;
import ai.djl.ndarray.BytesSupplier;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlflash.zoo.generate.GenerationResult;

/** The answers to a {@link ServingRequest}, named as text generation servers name them. */
final class ServingResponse {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private ServingResponse() {}

    /** Answers at once: an object, or a list of them if the inputs were one. */
    static Output whole(ServingRequest request, List<GenerationResult> results) {
        List<Object> answers = new ArrayList<>();
        for (int i = 0; i < results.size(); i++) {
            answers.add(answer(request, i, results.get(i)));
        }
        Output output = new Output();
        output.addProperty("Content-Type", "application/json");
        output.add(BytesSupplier.wrap(json(request.isList() ? answers : answers.get(0))));
        return output;
    }

    /** Answers bit by bit: a JSON object a line. */
    static Output lines(BytesSupplier lines) {
        Output output = new Output();
        output.addProperty("Content-Type", "application/jsonlines");
        output.add(lines);
        return output;
    }

    /** The line of a part of the text. */
    static byte[] line(TextPart part) {
        return line(Map.of("token", Map.of("text", part.text())));
    }

    /** The last line. */
    static byte[] line(ServingRequest request, GenerationOutcome outcome) {
        return line(answer(request, 0, outcome.results().get(0)));
    }

    private static byte[] line(Object object) {
        return (json(object) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    private static Map<String, Object> answer(
            ServingRequest request, int index, GenerationResult result) {
        Map<String, Object> answer = new LinkedHashMap<>();
        String prompt = request.fullText() ? request.prompts().get(index) : "";
        answer.put("generated_text", prompt + result.text().orElseThrow());
        if (request.details()) {
            Map<String, Object> details = new LinkedHashMap<>();
            details.put("finish_reason", reason(result));
            details.put("generated_tokens", result.ids().length);
            details.put("prefill_milliseconds", result.prefillTime().toNanos() / 1e6);
            details.put("tokens_per_second", result.tokensPerSecond());
            answer.put("details", details);
        }
        return answer;
    }

    private static String reason(GenerationResult result) {
        return switch (result.finish()) {
            case END_TOKEN -> "eos_token";
            case STOP_STRING -> "stop_sequence";
            case LENGTH -> "length";
            case CANCELLED -> "cancelled";
        };
    }

    private static String json(Object object) {
        try {
            return MAPPER.writeValueAsString(object);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("an answer that is not JSON", e);
        }
    }
}
