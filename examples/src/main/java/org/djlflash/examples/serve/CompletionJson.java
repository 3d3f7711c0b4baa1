package org.djlflash.examples.serve;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Writes the JSON of one completion, whole or in pieces. */
final class CompletionJson {

    private final String id = "cmpl-" + UUID.randomUUID().toString().replace("-", "");
    private final long created = System.currentTimeMillis() / 1000;
    private final String model;

    CompletionJson(String model) {
        this.model = model;
    }

    /** The whole answer, the texts in the order of the jobs. */
    Map<String, Object> whole(List<CompletionJob> jobs, List<? extends CharSequence> texts) {
        List<Object> choices = new ArrayList<>();
        for (CompletionJob job : jobs) {
            choices.add(choice(job, texts.get(job.index()), job.finishReason()));
        }
        Map<String, Object> json = envelope(choices);
        json.put("usage", usage(jobs));
        return json;
    }

    /** Further text of a job; the reason is null until its end. */
    Map<String, Object> piece(CompletionJob job, String text, String finishReason) {
        return envelope(List.of(choice(job, text, finishReason)));
    }

    /** The end of a stream that tells the number of tokens. */
    Map<String, Object> usagePiece(List<CompletionJob> jobs) {
        Map<String, Object> json = envelope(List.of());
        json.put("usage", usage(jobs));
        return json;
    }

    private Map<String, Object> envelope(List<Object> choices) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("id", id);
        json.put("object", "text_completion");
        json.put("created", created);
        json.put("model", model);
        json.put("choices", choices);
        return json;
    }

    private static Map<String, Object> choice(
            CompletionJob job, CharSequence text, String finishReason) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("text", text.toString());
        json.put("index", job.index());
        json.put("logprobs", null);
        json.put("finish_reason", finishReason);
        return json;
    }

    private static Map<String, Object> usage(List<CompletionJob> jobs) {
        int prompt = jobs.stream().mapToInt(CompletionJob::promptTokens).sum();
        int completion = jobs.stream().mapToInt(CompletionJob::tokens).sum();
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("prompt_tokens", prompt);
        json.put("completion_tokens", completion);
        json.put("total_tokens", prompt + completion);
        return json;
    }
}
