package org.djlflash.zoo.provider;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.djlflash.zoo.generate.GenerationOptions;
import org.djlflash.zoo.generate.GenerationResult;
import org.djlflash.zoo.generate.TextGenerator;
import org.djlflash.zoo.gpt2.Gpt2;

/** Greedy continuations of the embedded model beside those of Hugging Face transformers. */
final class Continuations {

    private Continuations() {}

    /** A prompt and how it goes on, as token ids. */
    record Case(int[] prompt, int[] next) {

        /** Moves tokens from the continuation to the prompt. */
        Case withPromptOf(int tokens) {
            int[] all = IntStream.concat(Arrays.stream(prompt), Arrays.stream(next)).toArray();
            return new Case(
                    Arrays.copyOf(all, tokens), Arrays.copyOfRange(all, tokens, all.length));
        }

        GenerationResult generate(Gpt2 model) {
            return new TextGenerator(model)
                    .generate(prompt, GenerationOptions.greedy(next.length), (id, count) -> true);
        }

        /** Returns the share of the new tokens before the first that differs. */
        double sharedPrefix(GenerationResult result) {
            int first = Arrays.mismatch(next, result.ids());
            return first < 0 ? 1 : (double) first / next.length;
        }

        @Override
        public String toString() {
            return Arrays.toString(prompt);
        }
    }

    static Case[] all() throws IOException {
        return EmbeddedModelTest.prompts().stream().map(Continuations::read).toArray(Case[]::new);
    }

    private static Case read(JsonNode prompt) {
        return new Case(
                EmbeddedModelTest.ints(prompt.get("ids")),
                EmbeddedModelTest.ints(prompt.get("greedy48")));
    }
}
