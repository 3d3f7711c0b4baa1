package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.util.LinkedHashMap;
import java.util.Map;
import org.djlflash.examples.bench.CallBench;
import org.djlflash.torch.TorchLibrary;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures what a call costs beside its kernels. */
@Command(
        name = "calls",
        description =
                "Measures how long a thread is busy with one small call, beside the kernels; on the CPU"
                        + " with them.",
        mixinStandardHelpOptions = true)
final class BenchCallsCommand extends ModelCommand {

    @Option(
            names = "--calls",
            paramLabel = "N",
            defaultValue = "2000",
            description = "How often each is called in a round. Default: ${DEFAULT-VALUE}.")
    private int calls;

    @Option(
            names = "--repeats",
            paramLabel = "N",
            defaultValue = "9",
            description = "How many rounds; the median counts. Default: ${DEFAULT-VALUE}.")
    private int repeats;

    @Override
    public Integer call() throws Exception {
        MeasuringCommand.atLeast("--calls", calls, 1);
        MeasuringCommand.atLeast("--repeats", repeats, 1);
        Device device = device();
        Map<String, Double> microseconds;
        try (NDManager manager = NDManager.newBaseManager(device, TorchLibrary.ENGINE);
                ConsoleProgress progress = progress()) {
            microseconds = new CallBench(manager).run(calls, repeats, progress);
        }
        for (Map.Entry<String, Double> one : microseconds.entrySet()) {
            sayf("%-32s %7.1f us", one.getKey(), one.getValue());
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("bench", "calls");
            line.put("call", one.getKey());
            line.put("device", name(device));
            line.put("microseconds", one.getValue());
            report(line);
        }
        return 0;
    }
}
