package org.djlflash.examples.load;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Asks for vectors.
 *
 * @param body the request
 * @param vectors those that have to come
 * @param tolerance how far a number may be off: batches round differently
 */
record EmbeddingAsk(Map<String, ?> body, List<float[]> vectors, double tolerance) implements Ask {

    @Override
    public Kind kind() {
        return Kind.EMBEDDING;
    }

    @Override
    public Optional<String> send(LoadClient client) throws IOException, InterruptedException {
        HttpResponse<String> response = client.post(LoadClient.EMBEDDINGS, body);
        if (response.statusCode() != 200) {
            return Optional.of(response.body());
        }
        JsonNode data = client.parse(response.body()).path("data");
        if (data.size() != vectors.size()) {
            return Ask.compare(vectors.size() + " vectors", data.size() + " vectors");
        }
        double farthest = 0;
        for (int i = 0; i < vectors.size(); i++) {
            farthest = Math.max(farthest, distance(vectors.get(i), data.get(i).path("embedding")));
        }
        // Not a NaN, either.
        return farthest <= tolerance
                ? Optional.empty()
                : Optional.of("a number is off by " + farthest + ", allowed is " + tolerance);
    }

    private static double distance(float[] wanted, JsonNode found) {
        if (found.size() != wanted.length) {
            return Double.NaN;
        }
        double farthest = 0;
        for (int i = 0; i < wanted.length; i++) {
            farthest = Math.max(farthest, Math.abs(wanted[i] - found.get(i).asDouble(Double.NaN)));
        }
        return farthest;
    }
}
