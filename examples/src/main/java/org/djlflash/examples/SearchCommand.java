package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlflash.zoo.bert.Bert;
import org.djlflash.zoo.embed.TextEmbedder;
import org.djlflash.zoo.embed.TokenIds;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Finds the lines of a file that mean what a query means, by the cosine of their embeddings. */
@Command(
        name = "search",
        description = "Finds the lines of a file that are closest in meaning to a query.",
        mixinStandardHelpOptions = true)
final class SearchCommand extends EmbeddingCommand {

    /** How many lines are embedded between two steps of the progress bar. */
    private static final int CHUNK = 256;

    /** A line and how close it is. */
    private record Hit(int line, String text, double score) {}

    @Option(
            names = "--file",
            paramLabel = "FILE",
            required = true,
            description = "The text, in UTF-8; every line that is not blank is a candidate.")
    private Path file;

    @Option(
            names = "--query",
            paramLabel = "TEXT",
            required = true,
            description = "What to look for.")
    private String query;

    @Option(
            names = "--top",
            paramLabel = "N",
            defaultValue = "5",
            description = "How many lines to show at most. Default: ${DEFAULT-VALUE}.")
    private int top;

    @Override
    public Integer call() throws Exception {
        if (top < 1) {
            throw new IllegalArgumentException("--top " + top + ", allowed is at least 1");
        }
        List<String> lines = TextFile.read("--file", file).lines().toList();
        Device device = device();
        try (Bert bert = load(device)) {
            TextEmbedder embedder = embedder(bert, true);
            try (HuggingFaceTokenizer tokenizer = tokenizer(embedder)) {
                List<Hit> hits = rank(embedder, tokenizer, lines);
                for (Hit hit : hits.subList(0, Math.min(top, hits.size()))) {
                    sayf("%.4f  %d: %s", hit.score(), hit.line(), hit.text());
                    Map<String, Object> json = new LinkedHashMap<>();
                    json.put("score", hit.score());
                    json.put("line", hit.line());
                    json.put("text", hit.text());
                    report(json);
                }
            }
        }
        return 0;
    }

    /** Scores all lines that are not blank, the closest first. */
    private List<Hit> rank(
            TextEmbedder embedder, HuggingFaceTokenizer tokenizer, List<String> lines) {
        float[] wanted = embedder.embed(TokenIds.encode(tokenizer, List.of(query)))[0];
        List<Hit> hits = new ArrayList<>();
        try (ConsoleProgress progress = progress()) {
            progress.reset("Embedding", lines.size());
            for (int start = 0; start < lines.size(); start += CHUNK) {
                List<String> chunk = lines.subList(start, Math.min(lines.size(), start + CHUNK));
                float[][] vectors = embedder.embed(TokenIds.encode(tokenizer, chunk));
                for (int i = 0; i < vectors.length; i++) {
                    if (!chunk.get(i).isBlank()) {
                        hits.add(new Hit(start + i + 1, chunk.get(i), dot(wanted, vectors[i])));
                    }
                }
                progress.increment(chunk.size());
            }
            progress.end();
        }
        hits.sort(Comparator.comparingDouble(Hit::score).reversed());
        return hits;
    }

    /** The cosine, as both have the length 1. */
    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }
}
