package org.djlflash.examples.serve;

import java.util.List;
import org.djlflash.zoo.generate.GenerationOptions;

/**
 * What a client wants of {@code /v1/completions}.
 *
 * @param model the name of the model
 * @param prompts the texts to continue, at least 1
 * @param options how each is continued
 * @param stream whether the text is sent as it comes
 * @param usage whether a stream tells the number of tokens at its end
 */
record CompletionRequest(
        String model,
        List<String> prompts,
        GenerationOptions options,
        boolean stream,
        boolean usage) {}
