package org.djlflash.examples;

import ai.djl.ndarray.NDManager;
import java.util.List;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.examples.bench.AttentionBench;
import org.djlflash.examples.bench.AttentionCase;
import org.djlflash.examples.bench.AttentionReport;
import org.djlflash.examples.bench.BackendName;
import org.djlflash.examples.bench.Pass;
import org.djlflash.torch.ScalarType;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures attention of training and of reading a prompt. */
@Command(
        name = "attention",
        description = "Measures attention over a model's layer, forward, backward and in training.",
        mixinStandardHelpOptions = true)
final class BenchAttentionCommand extends MeasuringCommand {

    /** The values of {@code --dtype}. */
    enum Type {
        FP16(ScalarType.FLOAT16),
        BF16(ScalarType.BFLOAT16),
        FP32(ScalarType.FLOAT32);

        private final ScalarType scalar;

        Type(ScalarType scalar) {
            this.scalar = scalar;
        }
    }

    @Option(
            names = "--head-dims",
            paramLabel = "H,H...",
            defaultValue = "64,128",
            converter = Numbers.Converter.class,
            description = "Head sizes. Default: ${DEFAULT-VALUE}.")
    private Numbers headSizes;

    @Option(
            names = "--lengths",
            paramLabel = "T,T...",
            defaultValue = "512,1024,2048,4096,8192,16384",
            converter = Numbers.Converter.class,
            description = "Tokens of a row. Default: ${DEFAULT-VALUE}.")
    private Numbers lengths;

    @Option(
            names = "--tokens",
            paramLabel = "N",
            defaultValue = "16384",
            description = "Tokens of all rows together. Default: ${DEFAULT-VALUE}.")
    private int tokens;

    @Option(
            names = "--hidden",
            paramLabel = "N",
            defaultValue = "2048",
            description = "Features of all heads together. Default: ${DEFAULT-VALUE}.")
    private int hidden;

    @Option(
            names = "--mask",
            defaultValue = "both",
            description = "full, causal or both. Default: ${DEFAULT-VALUE}.")
    private AttentionCase.Mask mask;

    @Option(
            names = "--dtype",
            defaultValue = "bf16",
            description = "fp16, bf16 or fp32. Default: ${DEFAULT-VALUE}.")
    private Type type;

    @Option(
            names = "--passes",
            split = ",",
            defaultValue = "forward,backward,training",
            description = "Any of ${DEFAULT-VALUE}. Default: all.")
    private List<Pass> passes;

    @Option(
            names = "--backends",
            split = ",",
            defaultValue = "ours,attend,flash,cudnn,efficient,eager",
            description =
                    "Any of ${DEFAULT-VALUE}: our kernels, our call on arrays, three of PyTorch's,"
                            + " operators one by one. Default: all.")
    private List<BackendName> backends;

    private List<AttentionCase> cases;
    private AttentionBench.Settings settings;

    @Override
    void prepare() {
        cases = AttentionCase.of(headSizes.values(), lengths.values(), tokens, hidden, mask);
        settings =
                new AttentionBench.Settings(
                        type.scalar, distinct(passes), distinct(backends), warmUp(), repeats());
    }

    @Override
    void measure(NDManager manager, DeviceInfo gpu, ConsoleProgress progress) {
        AttentionReport report = new AttentionReport(type.scalar, settings.backends());
        new AttentionBench(manager, gpu, settings)
                .run(
                        cases,
                        (c, pass, measured) -> {
                            report.add(c, pass, measured);
                            report.json(c, pass, measured).forEach(this::line);
                        },
                        progress);
        report.lines().forEach(this::say);
    }
}
