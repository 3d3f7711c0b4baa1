package org.djlflash.examples.serve;

import java.util.List;
import java.util.OptionalInt;

/**
 * What a client wants of {@code /v1/embeddings}: texts, or texts as token ids.
 *
 * @param model the name of the model
 * @param texts the texts, none if there are token ids
 * @param tokens the token ids of each text, none if there are texts
 * @param dimensions the length that the vectors must have, if that is told
 * @param base64 whether the vectors are wanted as FLOAT32 in Base64 instead of numbers
 */
record EmbeddingRequest(
        String model,
        List<String> texts,
        List<long[]> tokens,
        OptionalInt dimensions,
        boolean base64) {}
