package org.djlflash.zoo.generate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.stream.IntStream;
import org.djlflash.zoo.generate.BeamOptions.EarlyStopping;
import org.djlflash.zoo.generate.GenerationResult.Finish;
import org.djlflash.zoo.generate.sampling.LogSoftmax;
import org.djlflash.zoo.generate.sampling.LogitsRule;

/**
 * Continues a prompt in several rows at once, the best by the sum of their log probabilities, as
 * Hugging Face does: an ended text is kept only if it is among the best candidates of its step, as
 * many of them as there are beams; the rest of the candidates fills the rows up.
 */
final class BeamSearch implements Search {

    /** A text that has not ended. */
    private record Beam(int[] ids, double logProbability) {}

    /** A row's continuation by a token. */
    private record Candidate(int row, int token, double logProbability) {}

    private static final Comparator<Candidate> WORST_FIRST =
            Comparator.comparingDouble(Candidate::logProbability)
                    .thenComparing(Comparator.comparingInt(Candidate::row).reversed())
                    .thenComparing(Comparator.comparingInt(Candidate::token).reversed());

    private final int[] prompt;
    private final GenerationOptions options;
    private final List<LogitsRule> rules;
    private final List<Integer> endTokens;

    /** Null if there is no decoder. */
    private final TokenDecoder decoder;

    private final GenerationListener listener;
    private List<Beam> running = List.of(new Beam(new int[0], 0));
    private final List<Hypothesis> ended = new ArrayList<>();
    private boolean cancelled;

    BeamSearch(
            int[] prompt,
            GenerationOptions options,
            List<LogitsRule> rules,
            List<Integer> endTokens,
            TokenDecoder decoder,
            GenerationListener listener) {
        this.prompt = prompt;
        this.options = options;
        this.rules = rules;
        this.endTokens = endTokens;
        this.decoder = decoder;
        this.listener = listener;
    }

    @Override
    public Rows advance(float[][] logits) {
        List<Beam> next = new ArrayList<>();
        List<Candidate> kept = new ArrayList<>();
        List<Candidate> candidates = candidates(logits);
        for (int rank = 0; rank < candidates.size() && kept.size() < beams(); rank++) {
            Candidate candidate = candidates.get(rank);
            int[] ids = append(running.get(candidate.row()).ids(), candidate.token());
            Optional<Finish> finish = finish(ids);
            if (finish.isEmpty()) {
                kept.add(candidate);
                next.add(new Beam(ids, candidate.logProbability()));
            } else if (rank < beams()) {
                keep(ids, candidate.logProbability(), finish.get());
            }
        }
        running = next;
        if (isDone() || isCancelled()) {
            Found found = found();
            found.text().filter(text -> !text.isEmpty()).ifPresent(listener::onText);
            listener.onEnd(found.finish());
            return Rows.NONE;
        }
        return new Rows(
                kept.stream().mapToInt(Candidate::row).toArray(),
                kept.stream().mapToInt(Candidate::token).toArray());
    }

    @Override
    public Optional<TokenLoop.Row> row() {
        return Optional.empty();
    }

    @Override
    public boolean take(int token) {
        throw new UnsupportedOperationException("beam search weighs all tokens by their logits");
    }

    @Override
    public int left() {
        throw new UnsupportedOperationException("beam search takes no tokens chosen elsewhere");
    }

    private int beams() {
        return options.beams().beams();
    }

    /** The best continuations of all rows, enough that some go on even if the best ones end. */
    private List<Candidate> candidates(float[][] logits) {
        int count = Math.max(2, 1 + endTokens.size()) * beams();
        PriorityQueue<Candidate> best = new PriorityQueue<>(count + 1, WORST_FIRST);
        for (int row = 0; row < logits.length; row++) {
            Beam beam = running.get(row);
            score(logits[row], beam);
            for (int token = 0; token < logits[row].length; token++) {
                double score = beam.logProbability() + logits[row][token];
                if (score == Double.NEGATIVE_INFINITY
                        || best.size() == count && score <= best.peek().logProbability()) {
                    continue;
                }
                best.add(new Candidate(row, token, score));
                if (best.size() > count) {
                    best.remove();
                }
            }
        }
        return best.stream().sorted(WORST_FIRST.reversed()).toList();
    }

    private void score(float[] logits, Beam beam) {
        int[] history =
                IntStream.concat(Arrays.stream(prompt), Arrays.stream(beam.ids())).toArray();
        new LogSoftmax().apply(logits, history);
        rules.forEach(rule -> rule.apply(logits, history));
    }

    private static int[] append(int[] ids, int token) {
        int[] longer = Arrays.copyOf(ids, ids.length + 1);
        longer[ids.length] = token;
        return longer;
    }

    private Optional<Finish> finish(int... ids) {
        if (endTokens.contains(ids[ids.length - 1])) {
            return Optional.of(Finish.END_TOKEN);
        }
        if (!options.stops().isEmpty() && text(ids).isStopped()) {
            return Optional.of(Finish.STOP_STRING);
        }
        return ids.length == options.maxNewTokens() ? Optional.of(Finish.LENGTH) : Optional.empty();
    }

    private GrowingText text(int... ids) {
        GrowingText text = new GrowingText(decoder, prompt, options.stopStrings());
        Arrays.stream(ids).forEach(text::add);
        text.end();
        return text;
    }

    private void keep(int[] ids, double logProbability, Finish finish) {
        int length = finish == Finish.END_TOKEN ? ids.length - 1 : ids.length;
        ended.add(
                new Hypothesis(
                        Arrays.stream(ids, 0, length).boxed().toList(),
                        options.beams().score(logProbability, ids.length),
                        finish));
        ended.sort(Comparator.comparingDouble(Hypothesis::score).reversed());
        if (ended.size() > beams()) {
            ended.remove(beams());
        }
    }

    private boolean isDone() {
        if (running.isEmpty()) {
            return true;
        }
        if (ended.size() < beams()) {
            return false;
        }
        BeamOptions how = options.beams();
        Beam leader = running.get(0);
        boolean longest = how.earlyStopping() == EarlyStopping.NEVER && how.lengthPenalty() > 0;
        int length = longest ? options.maxNewTokens() : leader.ids().length;
        return how.earlyStopping() == EarlyStopping.YES
                || how.score(leader.logProbability(), length) <= ended.get(beams() - 1).score();
    }

    private boolean isCancelled() {
        Beam leader = running.get(0);
        int count = leader.ids().length;
        cancelled = !listener.onToken(leader.ids()[count - 1], count);
        if (cancelled) {
            keep(leader.ids(), leader.logProbability(), Finish.CANCELLED);
        }
        return cancelled;
    }

    @Override
    public Found found() {
        Hypothesis best = ended.get(0);
        int[] ids = best.ids().stream().mapToInt(Integer::intValue).toArray();
        return new Found(
                ids,
                decoder == null ? Optional.empty() : Optional.of(text(ids).toString()),
                cancelled ? Finish.CANCELLED : best.finish(),
                ended);
    }
}
