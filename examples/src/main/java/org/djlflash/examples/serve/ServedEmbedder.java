package org.djlflash.examples.serve;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.util.ArrayList;
import java.util.List;
import org.djlflash.zoo.embed.TextEmbedder;
import org.djlflash.zoo.embed.TokenIds;

/** An embedder with its name and tokenizer, both of them the caller's. Safe for many threads. */
public final class ServedEmbedder implements ServedModel {

    /** How many texts are embedded between two looks at whether someone still waits for them. */
    private static final int CHUNK = 256;

    /** A text of a job. */
    private record Text(EmbeddingJob job, int index) {

        TokenIds ids() {
            return job.texts().get(index);
        }
    }

    private final String name;
    private final TextEmbedder embedder;
    private final HuggingFaceTokenizer tokenizer;

    /**
     * Describes a model.
     *
     * @param name what clients call it
     * @param embedder the embedder
     * @param tokenizer its tokenizer, which adds special tokens and cuts off what is too long
     */
    public ServedEmbedder(String name, TextEmbedder embedder, HuggingFaceTokenizer tokenizer) {
        this.name = name;
        this.embedder = embedder;
        this.tokenizer = tokenizer;
    }

    @Override
    public String name() {
        return name;
    }

    /**
     * Turns the texts of a request into tokens.
     *
     * @throws ApiException if one of them is not allowed, or vectors of another length are wanted
     */
    List<TokenIds> encode(EmbeddingRequest request) {
        int dimension = embedder.dimension();
        if (request.dimensions().orElse(dimension) != dimension) {
            throw ApiException.invalid(
                    "dimensions",
                    "\"dimensions\" is "
                            + request.dimensions().getAsInt()
                            + ", allowed is "
                            + dimension);
        }
        request.texts().forEach(text -> Unicode.require("input", text));
        return request.tokens().isEmpty()
                ? TokenIds.encode(tokenizer, request.texts())
                : request.tokens().stream().map(this::check).toList();
    }

    private TokenIds check(long... ids) {
        int maxTokens = embedder.options().maxTokens();
        if (ids.length > maxTokens) {
            throw ApiException.contextTooLong(
                    "input", ids.length + " tokens, allowed are up to " + maxTokens);
        }
        try {
            TokenIds text = new TokenIds(ids);
            embedder.check(text);
            return text;
        } catch (IllegalArgumentException e) {
            throw ApiException.invalid("input", e.getMessage());
        }
    }

    /** Runs jobs together until each has ended. */
    void embed(List<EmbeddingJob> jobs) {
        List<Text> texts = new ArrayList<>();
        for (EmbeddingJob job : jobs) {
            for (int i = 0; i < job.texts().size(); i++) {
                texts.add(new Text(job, i));
            }
        }
        for (int start = 0; start < texts.size(); start += CHUNK) {
            List<Text> wanted =
                    texts.subList(start, Math.min(texts.size(), start + CHUNK)).stream()
                            .filter(text -> !text.job().isCancelled())
                            .toList();
            float[][] vectors = embedder.embed(wanted.stream().map(Text::ids).toList());
            for (int i = 0; i < vectors.length; i++) {
                wanted.get(i).job().put(wanted.get(i).index(), vectors[i]);
            }
        }
        // Those that were cancelled have not ended.
        jobs.forEach(job -> job.fail(ApiException.shuttingDown()));
    }
}
