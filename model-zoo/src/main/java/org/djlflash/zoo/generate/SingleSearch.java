package org.djlflash.zoo.generate;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.djlflash.zoo.generate.GenerationResult.Finish;
import org.djlflash.zoo.generate.sampling.Sampler;

/** Continues a prompt by one token a step. */
final class SingleSearch implements Search {

    private final int[] history;
    private final int promptLength;
    private final Sampler sampler;
    private final List<Integer> endTokens;
    private final GenerationListener listener;

    /** Null if there is no decoder. */
    private final GrowingText text;

    private int length;
    private Finish finish = Finish.LENGTH;

    SingleSearch(
            int[] prompt,
            int maxNewTokens,
            Sampler sampler,
            List<Integer> endTokens,
            GrowingText text,
            GenerationListener listener) {
        history = Arrays.copyOf(prompt, prompt.length + maxNewTokens);
        promptLength = prompt.length;
        length = prompt.length;
        this.sampler = sampler;
        this.endTokens = endTokens;
        this.text = text;
        this.listener = listener;
    }

    @Override
    public Rows advance(float[][] logits) {
        int next = sampler.next(logits[0], Arrays.copyOf(history, length));
        return take(next) ? new Rows(new int[1], new int[] {next}) : Rows.NONE;
    }

    @Override
    public Optional<TokenLoop.Row> row() {
        return sampler.drawing()
                .map(
                        drawing ->
                                new TokenLoop.Row(
                                        Arrays.copyOf(history, length),
                                        drawing.options(),
                                        drawing.random()));
    }

    @Override
    public boolean take(int token) {
        boolean goesOn = !endTokens.contains(token) && add(token);
        if (goesOn && length < history.length) {
            return true;
        }
        if (!goesOn && finish == Finish.LENGTH) {
            finish = Finish.END_TOKEN;
        }
        if (text != null) {
            tell(text.end());
        }
        listener.onEnd(finish);
        return false;
    }

    @Override
    public int left() {
        return history.length - length;
    }

    private boolean add(int token) {
        history[length++] = token;
        String part = text == null ? "" : text.add(token);
        boolean wanted = listener.onToken(token, length - promptLength);
        tell(part);
        if (text != null && text.isStopped()) {
            finish = Finish.STOP_STRING;
        } else if (!wanted) {
            finish = Finish.CANCELLED;
        }
        return finish == Finish.LENGTH;
    }

    private void tell(String part) {
        if (!part.isEmpty()) {
            listener.onText(part);
        }
    }

    @Override
    public Found found() {
        return new Found(
                Arrays.copyOfRange(history, promptLength, length),
                Optional.ofNullable(text).map(GrowingText::toString),
                finish,
                List.of());
    }
}
