package org.djlflash.zoo.generate;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.djlflash.AttentionExplanation.Verdict;

/**
 * What was generated, and how.
 *
 * @param ids the new tokens' ids, without the prompt and without the token that ended the text;
 *     those of a stop string are there
 * @param text the new text, without the stop string that ended it; empty if the generator has no
 *     decoder
 * @param finish why generating ended
 * @param prefillTime the time to the first token, of the whole batch
 * @param decodeTime the time of all further tokens, beside those of the other prompts
 * @param prefill what computed the attention of the prompt
 * @param decode what computes the attention of a token after it, asked for the last one
 * @param loop how the tokens after the first were computed, and why not faster
 * @param hypotheses what beam search found, best first; none without beam search
 */
public record GenerationResult(
        int[] ids,
        Optional<String> text,
        Finish finish,
        Duration prefillTime,
        Duration decodeTime,
        Verdict prefill,
        Verdict decode,
        String loop,
        List<Hypothesis> hypotheses) {

    /** Why generating ended. */
    public enum Finish {
        /** A token that ends a text came. */
        END_TOKEN,
        /** A string that ends a text came. */
        STOP_STRING,
        /** As many tokens as asked for are there. */
        LENGTH,
        /** The listener wanted no more. */
        CANCELLED
    }

    /**
     * Keeps arrays and lists from being changed later.
     *
     * @param ids the new tokens' ids
     * @param text the new text
     * @param finish why generating ended
     * @param prefillTime the time to the first token
     * @param decodeTime the time of all further tokens
     * @param prefill what computed the attention of the prompt
     * @param decode what computes the attention of a token after it
     * @param loop how the tokens after the first were computed
     * @param hypotheses what beam search found
     */
    public GenerationResult {
        ids = ids.clone();
        hypotheses = List.copyOf(hypotheses);
    }

    /**
     * Returns the new tokens.
     *
     * @return a copy of their ids
     */
    @Override
    public int[] ids() {
        return ids.clone();
    }

    /**
     * Returns the speed of decoding, the prompt left out.
     *
     * @return tokens per second, 0 if there is no token after the first
     */
    public double tokensPerSecond() {
        long nanoseconds = decodeTime.toNanos();
        return ids.length < 2 || nanoseconds == 0 ? 0 : (ids.length - 1) * 1e9 / nanoseconds;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof GenerationResult result
                && Arrays.equals(ids, result.ids)
                && text.equals(result.text)
                && finish == result.finish
                && prefillTime.equals(result.prefillTime)
                && decodeTime.equals(result.decodeTime)
                && prefill.equals(result.prefill)
                && decode.equals(result.decode)
                && loop.equals(result.loop)
                && hypotheses.equals(result.hypotheses);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(ids);
    }

    @Override
    public String toString() {
        return ids.length
                + " tokens, "
                + finish
                + ", prompt "
                + prefillTime.toMillis()
                + " ms on "
                + prefill.backend()
                + ", then "
                + Math.round(tokensPerSecond())
                + " tokens per second on "
                + decode.backend()
                + ", "
                + loop;
    }
}
