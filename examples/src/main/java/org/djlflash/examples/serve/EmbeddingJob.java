package org.djlflash.examples.serve;

import java.util.List;
import org.djlflash.zoo.embed.TokenIds;

/** The texts of one request on their way to their vectors. */
final class EmbeddingJob extends Job {

    private final List<TokenIds> texts;
    private final float[][] vectors;
    private int done;

    /**
     * Creates a job.
     *
     * @param texts the texts, at least 1
     */
    EmbeddingJob(List<TokenIds> texts) {
        this.texts = List.copyOf(texts);
        vectors = new float[texts.size()][];
    }

    List<TokenIds> texts() {
        return texts;
    }

    int promptTokens() {
        return texts.stream().mapToInt(text -> text.ids().length).sum();
    }

    /**
     * Returns the vectors in the order of the texts, once the job has ended.
     *
     * @throws RuntimeException if it failed
     */
    List<float[]> vectors() {
        ensureDone();
        return List.of(vectors);
    }

    /** Takes the vector of a text; the last one ends the job. For the worker. */
    void put(int index, float... vector) {
        vectors[index] = vector;
        done++;
        if (done == vectors.length) {
            end();
        }
    }
}
