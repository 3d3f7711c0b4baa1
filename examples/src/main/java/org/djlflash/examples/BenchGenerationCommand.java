package org.djlflash.examples;

import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.List;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.examples.bench.DecodeCase;
import org.djlflash.examples.bench.GenerationBench;
import org.djlflash.examples.bench.GenerationModel;
import org.djlflash.examples.bench.GenerationPlot;
import org.djlflash.examples.bench.GenerationReport;
import org.djlflash.zoo.generate.sampling.SamplingOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures the generation of tokens, beside what memory allows. */
@Command(
        name = "generation",
        description =
                "Measures tokens per second of a model with random weights, beside what reading the"
                        + " bytes allows.",
        mixinStandardHelpOptions = true)
final class BenchGenerationCommand extends MeasuringCommand {

    private static final int MOST_STEPS = 64;

    @Option(
            names = "--size",
            paramLabel = "NAME",
            defaultValue = "gpt2",
            description =
                    "The model's size: gpt2 (small) or llama (8 billion parameters, 16 GB)."
                            + " Default: ${DEFAULT-VALUE}.")
    private GenerationModel size;

    @Option(
            names = "--cases",
            paramLabel = "BxF,BxF...",
            defaultValue = "1x64,1x256,1x512,1x768,8x256,32x256,32x768",
            description = "Batch sizes and tokens before. Default: ${DEFAULT-VALUE}.")
    private String cases;

    @Option(
            names = "--steps",
            paramLabel = "N",
            defaultValue = "8",
            description =
                    "Steps before the host takes the tokens, 1 to 64. Default: ${DEFAULT-VALUE}.")
    private int steps;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            defaultValue = "0",
            description = "0 takes the likeliest token. Default: ${DEFAULT-VALUE}.")
    private double temperature;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            defaultValue = "1",
            description = "The probability that kept tokens reach. Default: ${DEFAULT-VALUE}.")
    private double topP;

    @Option(
            names = "--plot",
            paramLabel = "FILE",
            description = "Draws tokens per second by context to a PNG file. Default: none.")
    private Path plot;

    private List<DecodeCase> parsed;
    private GenerationBench.Settings settings;

    @Override
    void prepare() {
        if (atLeast("--steps", steps, 1) > MOST_STEPS) {
            throw new IllegalArgumentException(
                    "--steps " + steps + ", allowed is 1 to " + MOST_STEPS);
        }
        parsed = parse(cases);
        settings =
                new GenerationBench.Settings(
                        size,
                        SamplingOptions.builder()
                                .optTemperature(temperature)
                                .optTopP(topP)
                                .optSeed(1)
                                .build(),
                        steps,
                        warmUp(),
                        repeats());
    }

    @Override
    void measure(NDManager manager, DeviceInfo gpu, ConsoleProgress progress) {
        GenerationReport report = new GenerationReport(settings);
        GenerationPlot drawing = new GenerationPlot(size);
        new GenerationBench(manager, gpu, settings)
                .run(
                        parsed,
                        new GenerationBench.Listener() {
                            @Override
                            public void memory(double gigabytesPerSecond) {
                                report.memory(gigabytesPerSecond);
                                drawing.memory(gigabytesPerSecond);
                            }

                            @Override
                            public void measured(DecodeCase c, GenerationBench.Result result) {
                                report.measured(c, result);
                                drawing.measured(c, result);
                                line(report.json());
                            }
                        },
                        progress);
        report.lines().forEach(this::say);
        draw(plot, drawing::write);
    }
}
