package org.djlflash.zoo.generate.sampling;

import java.util.List;
import java.util.Optional;

/** Applies rules in order to a copy of the logits, then lets another sampler choose. */
final class RuledSampler implements Sampler {

    private final List<LogitsRule> rules;
    private final Sampler chooser;

    private final Drawing drawing;

    RuledSampler(List<LogitsRule> rules, Sampler chooser, Drawing drawing) {
        this.rules = List.copyOf(rules);
        this.chooser = chooser;
        this.drawing = drawing;
    }

    @Override
    public int next(float[] logits, int[] history) {
        Logits.check(logits);
        float[] changed = logits.clone();
        for (LogitsRule rule : rules) {
            rule.apply(changed, history);
        }
        return chooser.next(changed, history);
    }

    @Override
    public Optional<Drawing> drawing() {
        return Optional.of(drawing);
    }
}
