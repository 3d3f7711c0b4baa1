package org.djlflash.examples;

import ai.djl.ndarray.NDManager;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.examples.bench.TrainingBench;
import org.djlflash.examples.bench.TrainingCase;
import org.djlflash.examples.bench.TrainingReport;
import org.djlflash.examples.bench.TrainingVariant;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures whole steps of training. */
@Command(
        name = "training",
        description =
                "Measures whole steps of training, DJL's default blocks beside ours, and compares"
                        + " the losses.",
        mixinStandardHelpOptions = true)
final class BenchTrainingCommand extends MeasuringCommand {

    @Option(
            names = "--models",
            split = ",",
            defaultValue = "bert,gpt2",
            description =
                    "Any of ${DEFAULT-VALUE}: the encoder layers of BERT-large on 8 rows of 512 tokens;"
                            + " GPT-2 small with its head on 4 of 1024. Default: all.")
    private List<TrainingCase.Kind> models;

    @Option(
            names = "--variants",
            split = ",",
            defaultValue = "djl,float32,bfloat16,float16",
            description =
                    "Any of ${DEFAULT-VALUE}: DJL's default blocks and Adam; ours in FLOAT32; ours in"
                            + " mixed precision. Default: all. The first is compared with.")
    private List<TrainingVariant> variants;

    @Option(
            names = "--layers",
            paramLabel = "N",
            description = "Another number of layers than the model's.")
    private Integer layers;

    @Option(
            names = "--dropout",
            paramLabel = "P",
            defaultValue = "0.1",
            description = "The dropout rate. Default: ${DEFAULT-VALUE}.")
    private float dropout;

    @Option(
            names = "--losses",
            paramLabel = "N",
            defaultValue = "0",
            description =
                    "Train also for N steps without dropout, and compare the losses. Default: 0.")
    private int losses;

    @Override
    void prepare() {
        atLeast("--losses", losses, 0);
        if (layers != null) {
            atLeast("--layers", layers, 1);
        }
        if (!(dropout >= 0 && dropout < 1)) {
            throw new IllegalArgumentException(
                    "--dropout " + dropout + ", allowed is 0 or more and less than 1");
        }
    }

    @Override
    void measure(NDManager manager, DeviceInfo gpu, ConsoleProgress progress) {
        TrainingBench bench = new TrainingBench(manager.getDevice());
        for (TrainingCase.Kind kind : distinct(models)) {
            TrainingCase c = TrainingCase.of(kind, Optional.ofNullable(layers), dropout);
            TrainingReport report = new TrainingReport(c);
            bench.run(
                    c,
                    distinct(variants),
                    warmUp(),
                    repeats(),
                    (variant, cost, failure) -> {
                        report.add(variant, cost, failure);
                        line(report.json(variant, cost, failure));
                    },
                    progress);
            report.lines().forEach(this::say);
            if (losses > 0) {
                compareLosses(bench, c, report);
            }
        }
    }

    private void compareLosses(TrainingBench bench, TrainingCase c, TrainingReport report) {
        Map<TrainingVariant, List<Float>> curves = new LinkedHashMap<>();
        for (TrainingVariant variant : distinct(variants)) {
            List<Float> curve = bench.losses(c, variant, losses);
            line(report.json(variant, curve));
            curves.put(variant, curve);
            List<Float> reference = curves.values().iterator().next();
            sayf(
                    "%s: losses %.5f to %.5f in %d steps, off by %s",
                    variant,
                    curve.get(0),
                    curve.get(losses - 1),
                    losses,
                    TrainingReport.distance(reference, curve));
        }
    }
}
