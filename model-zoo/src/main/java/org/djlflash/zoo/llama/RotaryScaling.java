package org.djlflash.zoo.llama;

import ai.djl.MalformedModelException;
import org.djlflash.zoo.ConfigFile;
import org.djlflash.zoo.json.JsonFields;

/** How the frequencies of the rotary embedding are changed for texts longer than at first. */
public sealed interface RotaryScaling {

    /**
     * Changes a frequency.
     *
     * @param frequency the angle from one position to the next, in radians
     * @return what it becomes
     */
    double apply(double frequency);

    /** Frequencies stay as they are. */
    record None() implements RotaryScaling {

        @Override
        public double apply(double frequency) {
            return frequency;
        }
    }

    /**
     * All frequencies become smaller, as if positions stood closer.
     *
     * @param factor how many times
     * @see <a href="https://arxiv.org/abs/2306.15595">Chen et al., Extending Context Window of
     *     Large Language Models via Positional Interpolation, section 2.3</a>
     */
    record Linear(double factor) implements RotaryScaling {

        @Override
        public double apply(double frequency) {
            return frequency / factor;
        }
    }

    /**
     * Low frequencies become smaller and high ones stay; between them the change is gradual.
     *
     * @param factor how many times smaller
     * @param lowFrequencyFactor frequencies that turn less often than this over the original
     *     positions are low
     * @param highFrequencyFactor those that turn more often than this are high
     * @param originalPositions the number of positions that the model was first trained on
     * @see <a href="https://arxiv.org/abs/2407.21783">The Llama 3 Herd of Models, section 3.4.2</a>
     */
    record Llama3(
            double factor,
            double lowFrequencyFactor,
            double highFrequencyFactor,
            int originalPositions)
            implements RotaryScaling {

        @Override
        public double apply(double frequency) {
            double turns = originalPositions * frequency / (2 * Math.PI);
            double kept = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
            kept = Math.max(0, Math.min(1, kept));
            return kept * frequency + (1 - kept) * frequency / factor;
        }
    }

    /**
     * Reads a scaling.
     *
     * @param fields the object that names it in {@code rope_type}, or formerly {@code type}
     * @return the scaling
     * @throws MalformedModelException if it is not one of these, or a value is not allowed
     */
    static RotaryScaling read(JsonFields fields) throws MalformedModelException {
        double maxFactor = ConfigFile.MAX_POSITIONS;
        String key = fields.has("type") && !fields.has("rope_type") ? "type" : "rope_type";
        return switch (fields.optString(key, "")) {
            case "default" -> new None();
            case "linear" -> new Linear(fields.requireDouble("factor", 1, maxFactor));
            case "llama3" -> {
                double low = fields.requireDouble("low_freq_factor", 0, maxFactor);
                yield new Llama3(
                        fields.requireDouble("factor", 1, maxFactor),
                        low,
                        fields.requireDouble("high_freq_factor", Math.nextUp(low), maxFactor),
                        fields.requireInt(
                                "original_max_position_embeddings", 1, ConfigFile.MAX_POSITIONS));
            }
            default -> throw fields.refuse(key, "default, linear or llama3");
        };
    }
}
