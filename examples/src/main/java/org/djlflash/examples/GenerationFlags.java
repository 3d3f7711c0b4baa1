package org.djlflash.examples;

import java.util.ArrayList;
import java.util.List;
import org.djlflash.zoo.generate.BeamOptions;
import org.djlflash.zoo.generate.BeamOptions.EarlyStopping;
import org.djlflash.zoo.generate.DecodeLoop;
import org.djlflash.zoo.generate.GenerationOptions;
import org.djlflash.zoo.generate.sampling.SamplingOptions;
import picocli.CommandLine.Option;

/** The options that say how much is generated, and how. */
final class GenerationFlags {

    @Option(
            names = "--max-new-tokens",
            paramLabel = "N",
            defaultValue = "48",
            description = "How many tokens to add at most. Default: ${DEFAULT-VALUE}.")
    private int maxNewTokens;

    @Option(
            names = "--temperature",
            paramLabel = "X",
            defaultValue = "0",
            description = "0 takes the likeliest token, more makes others likelier. Default: 0.")
    private double temperature;

    @Option(
            names = "--top-k",
            paramLabel = "K",
            description = "Sample from the K likeliest tokens.")
    private Integer topK;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description = "Sample from the likeliest tokens that make up the probability P.")
    private Double topP;

    @Option(
            names = "--repetition-penalty",
            paramLabel = "X",
            description = "More than 1 makes tokens that were there less likely.")
    private Double repetitionPenalty;

    @Option(names = "--seed", paramLabel = "N", description = "The same seed gives the same text.")
    private Long seed;

    @Option(
            names = "--beams",
            paramLabel = "N",
            defaultValue = "1",
            description = "Search the best text with N of them at every step. Default: 1.")
    private int beams;

    @Option(
            names = "--length-penalty",
            paramLabel = "X",
            defaultValue = "1",
            description =
                    "Of --beams: more than 0 favours long texts, less short ones. Default: 1.")
    private double lengthPenalty;

    @Option(
            names = "--early-stopping",
            paramLabel = "no|yes|never",
            defaultValue = "no",
            description =
                    "Of --beams: end once there are N texts (yes), once no running one is better"
                            + " (no) or can become better (never). Default: no.")
    private EarlyStopping earlyStopping;

    @Option(
            names = "--stop",
            paramLabel = "TEXT",
            description = "End where this text comes, without it; may be repeated.")
    private List<String> stops = new ArrayList<>();

    @Option(
            names = "--loop",
            paramLabel = "graph|launches|host",
            defaultValue = "graph",
            description =
                    "How tokens after the first are computed: each as a captured CUDA graph, by the"
                            + " same kernels one by one, or operator by operator, with the token"
                            + " chosen on the host, as happens wherever there can be no graph."
                            + " Default: graph.")
    private DecodeLoop loop;

    @Option(
            names = "--page-size",
            paramLabel = "N",
            defaultValue = "0",
            description =
                    "Keep keys and values in pages of N tokens, a power of two from 16 to 256."
                            + " Default: 0, one piece for each text.")
    private int pageSize;

    GenerationOptions options() {
        return GenerationOptions.builder()
                .optMaxNewTokens(maxNewTokens)
                .optSampling(sampling())
                .optBeams(new BeamOptions(beams, lengthPenalty, earlyStopping))
                .optStops(stops)
                .optLoop(loop)
                .optPageSize(pageSize)
                .build();
    }

    private SamplingOptions sampling() {
        SamplingOptions.Builder builder = SamplingOptions.builder().optTemperature(temperature);
        if (topK != null) {
            builder.optTopK(topK);
        }
        if (topP != null) {
            builder.optTopP(topP);
        }
        if (repetitionPenalty != null) {
            builder.optRepetitionPenalty(repetitionPenalty);
        }
        if (seed != null) {
            builder.optSeed(seed);
        }
        return builder.build();
    }
}
