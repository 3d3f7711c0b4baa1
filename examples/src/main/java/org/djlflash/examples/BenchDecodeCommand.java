package org.djlflash.examples;

import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.List;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.examples.bench.BackendName;
import org.djlflash.examples.bench.DecodeBench;
import org.djlflash.examples.bench.DecodeCase;
import org.djlflash.examples.bench.DecodePlot;
import org.djlflash.examples.bench.DecodeReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures attention of one new token a row over a key-value cache. */
@Command(
        name = "decode",
        description = "Measures attention of one new token a row over a key-value cache, in fp16.",
        mixinStandardHelpOptions = true)
final class BenchDecodeCommand extends MeasuringCommand {

    @Option(
            names = "--cases",
            paramLabel = "BxF,BxF...",
            defaultValue =
                    "256x256,128x512,64x1024,32x2048,16x4096,8x8192,4x16384,2x32768,1x65536,"
                            + "1x131072,64x8192",
            description = "Batch sizes and numbers of keys. Default: ${DEFAULT-VALUE}.")
    private String cases;

    @Option(
            names = "--query-heads",
            paramLabel = "N",
            defaultValue = "16",
            description = "Query heads. Default: ${DEFAULT-VALUE}.")
    private int queryHeads;

    @Option(
            names = "--kv-heads",
            paramLabel = "N",
            defaultValue = "2",
            description = "Key heads. Default: ${DEFAULT-VALUE}.")
    private int keyHeads;

    @Option(
            names = "--head-dim",
            paramLabel = "H",
            defaultValue = "128",
            description = "The head size. Default: ${DEFAULT-VALUE}.")
    private int headSize;

    @Option(
            names = "--backends",
            split = ",",
            defaultValue = "ours,flash,cudnn,efficient,eager",
            description =
                    "Any of ${DEFAULT-VALUE}: ours, three of PyTorch's, operators one by one."
                            + " Default: all.")
    private List<BackendName> backends;

    @Option(
            names = "--plot",
            paramLabel = "FILE",
            description = "Draws the bandwidths to a PNG file. Default: none.")
    private Path plot;

    private List<DecodeCase> parsed;
    private DecodeBench.Settings settings;

    @Override
    void prepare() {
        parsed = parse(cases);
        atLeast("--query-heads", queryHeads, 1);
        atLeast("--head-dim", headSize, 1);
        if (keyHeads < 1 || queryHeads % keyHeads != 0) {
            throw new IllegalArgumentException(
                    "--kv-heads "
                            + keyHeads
                            + ", allowed is a divisor of "
                            + queryHeads
                            + " query heads");
        }
        if (backends.contains(BackendName.ATTEND)) {
            throw new IllegalArgumentException(
                    "--backends attend, which is what ours calls here; allowed are ours, flash,"
                            + " cudnn, efficient and eager");
        }
        settings =
                new DecodeBench.Settings(
                        queryHeads, keyHeads, headSize, distinct(backends), warmUp(), repeats());
    }

    @Override
    void measure(NDManager manager, DeviceInfo gpu, ConsoleProgress progress) {
        DecodeReport report = new DecodeReport(settings);
        DecodePlot drawing = new DecodePlot(settings);
        new DecodeBench(manager, gpu, settings)
                .run(
                        parsed,
                        (c, result) -> {
                            report.add(c, result);
                            drawing.add(c, result);
                            report.json(c, result).forEach(this::line);
                        },
                        progress);
        report.lines().forEach(this::say);
        draw(plot, drawing::write);
    }
}
