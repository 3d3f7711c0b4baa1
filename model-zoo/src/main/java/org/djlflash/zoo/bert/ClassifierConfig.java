package org.djlflash.zoo.bert;

import ai.djl.MalformedModelException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.djlflash.zoo.ConfigFile;
import org.djlflash.zoo.json.JsonFields;

/**
 * What a classifier tells apart.
 *
 * @param names the names of the labels, at least 1 ({@code id2label})
 * @param scoring how logits become scores ({@code problem_type})
 * @param dropout the dropout before the head, while training ({@code classifier_dropout})
 */
public record ClassifierConfig(List<String> names, Scoring scoring, double dropout) {

    private static final int MAX_LABELS = 1 << 20;

    /** How logits become scores. */
    public enum Scoring {
        /** One label is right: probabilities that sum to 1, the softmax. */
        SINGLE_LABEL,
        /** Every label may be right: a probability for each, the sigmoid. */
        MULTI_LABEL,
        /** The logits are the scores. */
        REGRESSION;

        /**
         * Turns logits into scores.
         *
         * @param logits the logits of a text
         * @return its scores
         */
        public double[] scores(float... logits) {
            return switch (this) {
                case SINGLE_LABEL -> softmax(logits);
                case MULTI_LABEL ->
                        IntStream.range(0, logits.length)
                                .mapToDouble(i -> 1 / (1 + Math.exp(-logits[i])))
                                .toArray();
                case REGRESSION ->
                        IntStream.range(0, logits.length).mapToDouble(i -> logits[i]).toArray();
            };
        }

        private static double[] softmax(float... logits) {
            double max = Double.NEGATIVE_INFINITY;
            for (float logit : logits) {
                max = Math.max(max, logit);
            }
            double[] shares = new double[logits.length];
            for (int i = 0; i < shares.length; i++) {
                shares[i] = Math.exp(logits[i] - max);
            }
            double sum = Arrays.stream(shares).sum();
            return Arrays.stream(shares).map(share -> share / sum).toArray();
        }
    }

    /**
     * Copies the names.
     *
     * @param names the names of the labels
     * @param scoring how logits become scores
     * @param dropout the dropout before the head
     */
    public ClassifierConfig {
        names = List.copyOf(names);
    }

    /**
     * Reads {@code config.json} of a model folder. Without names there are two labels, or {@code
     * num_labels}, called LABEL_0 and so on, as for Hugging Face.
     *
     * @param folder the folder
     * @param hiddenDropout the dropout if the file has none for the head
     * @return the labels
     * @throws MalformedModelException if the file is missing or a value is not allowed
     * @throws IOException if the file cannot be read
     */
    static ClassifierConfig read(Path folder, double hiddenDropout)
            throws IOException, MalformedModelException {
        JsonFields fields = ConfigFile.read(folder);
        List<String> names = names(fields);
        return new ClassifierConfig(
                names,
                scoring(fields, names.size()),
                fields.optDouble("classifier_dropout", 0, ConfigFile.MAX_DROPOUT, hiddenDropout));
    }

    private static List<String> names(JsonFields fields) throws MalformedModelException {
        OptionalInt count = fields.optInt("num_labels", 1, MAX_LABELS);
        if (!fields.has("id2label")) {
            return IntStream.range(0, count.orElse(2)).mapToObj(i -> "LABEL_" + i).toList();
        }
        Map<String, String> named = fields.requireStrings("id2label");
        List<String> ids = IntStream.range(0, named.size()).mapToObj(Integer::toString).toList();
        if (named.isEmpty() || !named.keySet().containsAll(ids)) {
            throw fields.refuse("id2label", "labels numbered from 0");
        }
        if (count.orElse(named.size()) != named.size()) {
            throw fields.refuse("num_labels", "the number of labels in id2label, " + named.size());
        }
        return ids.stream().map(named::get).toList();
    }

    private static Scoring scoring(JsonFields fields, int labels) throws MalformedModelException {
        // One label without more is a yes or no, as for Hugging Face's pipeline.
        String absent = labels == 1 ? "multi_label_classification" : "single_label_classification";
        return switch (fields.optString("problem_type", absent)) {
            case "single_label_classification" -> Scoring.SINGLE_LABEL;
            case "multi_label_classification" -> Scoring.MULTI_LABEL;
            case "regression" -> Scoring.REGRESSION;
            default ->
                    throw fields.refuse(
                            "problem_type",
                            "single_label_classification, multi_label_classification or"
                                    + " regression");
        };
    }
}
