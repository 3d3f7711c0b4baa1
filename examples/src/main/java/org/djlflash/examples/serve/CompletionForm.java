package org.djlflash.examples.serve;

import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import org.djlflash.zoo.generate.GenerationOptions;
import org.djlflash.zoo.generate.sampling.SamplingOptions;
import org.djlflash.zoo.json.JsonFields;

/** Reads the JSON of {@code /v1/completions}. What is not supported is refused, never ignored. */
final class CompletionForm {

    /** OpenAI's defaults and limits. */
    private static final int DEFAULT_MAX_TOKENS = 16;

    private static final int MAX_STOPS = 4;
    private static final double MAX_TEMPERATURE = 2;

    /** {@code user} is a note of the client's, for no one here. */
    private static final Set<String> KNOWN =
            Set.of(
                    "model",
                    "prompt",
                    "max_tokens",
                    "temperature",
                    "top_p",
                    "n",
                    "best_of",
                    "echo",
                    "logprobs",
                    "logit_bias",
                    "presence_penalty",
                    "frequency_penalty",
                    "suffix",
                    "stop",
                    "seed",
                    "stream",
                    "stream_options",
                    "user");

    private final RequestFields fields;

    private CompletionForm(RequestFields fields) {
        this.fields = fields;
    }

    /**
     * Reads a request.
     *
     * @param body the JSON
     * @param maxPrompts how many prompts it may have
     * @throws ApiException if it is not as it should be
     */
    static CompletionRequest read(byte[] body, int maxPrompts) {
        return new CompletionForm(RequestFields.parse(body)).request(maxPrompts);
    }

    private CompletionRequest request(int maxPrompts) {
        String model = fields.get("model", JsonFields::requireString);
        refuseUnsupported();
        boolean stream = fields.get("stream", (form, key) -> form.optBoolean(key, false));
        int maxTokens =
                fields.get("max_tokens", (form, key) -> form.optInt(key, 1, Integer.MAX_VALUE))
                        .orElse(DEFAULT_MAX_TOKENS);
        GenerationOptions options =
                GenerationOptions.builder()
                        .optMaxNewTokens(maxTokens)
                        .optSampling(sampling())
                        .optStops(stops())
                        .build();
        return new CompletionRequest(model, prompts(maxPrompts), options, stream, usage(stream));
    }

    private void refuseUnsupported() {
        fields.refuseAllBut(KNOWN);
        fields.get("n", (form, key) -> form.optInt(key, 1, 1));
        fields.get("best_of", (form, key) -> form.optInt(key, 1, 1));
        for (String key : List.of("presence_penalty", "frequency_penalty")) {
            fields.get(key, (form, name) -> form.optDouble(name, 0, 0, 0));
        }
        if (fields.get("echo", (form, key) -> form.optBoolean(key, false))) {
            throw ApiException.invalid("echo", "\"echo\" is not supported, allowed is false");
        }
        for (String key : List.of("logprobs", "suffix")) {
            if (fields.has(key)) {
                throw ApiException.invalid(key, "\"" + key + "\" is not supported");
            }
        }
        if (fields.has("logit_bias")
                && !fields.get("logit_bias", JsonFields::requireObject).keys().isEmpty()) {
            throw ApiException.invalid("logit_bias", "\"logit_bias\" is not supported");
        }
    }

    private List<String> prompts(int maxPrompts) {
        List<String> prompts = fields.get("prompt", JsonFields::optStrings);
        if (prompts.isEmpty() || prompts.size() > maxPrompts) {
            throw ApiException.invalid(
                    "prompt", prompts.size() + " prompts, allowed is from 1 to " + maxPrompts);
        }
        return prompts;
    }

    private List<String> stops() {
        List<String> stops = fields.get("stop", JsonFields::optStrings);
        if (stops.size() > MAX_STOPS || stops.contains("")) {
            throw ApiException.invalid(
                    "stop",
                    stops.size()
                            + " stop strings, allowed is up to "
                            + MAX_STOPS
                            + ", none of them empty");
        }
        return stops;
    }

    private SamplingOptions sampling() {
        double temperature =
                fields.get(
                        "temperature", (form, key) -> form.optDouble(key, 0, MAX_TEMPERATURE, 1));
        double topP = fields.get("top_p", (form, key) -> form.optDouble(key, 0, 1, 1));
        OptionalLong seed =
                fields.get(
                        "seed", (form, key) -> form.optLong(key, Long.MIN_VALUE, Long.MAX_VALUE));
        if (temperature == 0 || topP == 0) {
            return SamplingOptions.greedy();
        }
        SamplingOptions.Builder builder =
                SamplingOptions.builder().optTemperature(temperature).optTopP(topP);
        seed.ifPresent(builder::optSeed);
        return builder.build();
    }

    private boolean usage(boolean stream) {
        if (!fields.has("stream_options")) {
            return false;
        }
        if (!stream) {
            throw ApiException.invalid(
                    "stream_options", "\"stream_options\" is allowed only if \"stream\" is true");
        }
        return fields.get(
                "stream_options",
                (form, key) -> form.requireObject(key).optBoolean("include_usage", false));
    }
}
