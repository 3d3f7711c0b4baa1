package org.djlflash.zoo.generate;

/**
 * A prompt to be continued beside others.
 *
 * @param prompt the ids of the prompt, at least 1
 * @param options how much is generated, and how; without beam search
 * @param listener told of each token
 */
public record GenerationRequest(
        int[] prompt, GenerationOptions options, GenerationListener listener) {}
