package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.djlflash.cuda.launch.CudaLibrary;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.examples.bench.DecodeCase;
import org.djlflash.examples.bench.Machine;
import org.djlflash.torch.TorchLibrary;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What all benchmarks have in common: a GPU, its facts, how often something is measured. */
abstract class MeasuringCommand extends ModelCommand {

    @Option(
            names = "--repeats",
            paramLabel = "N",
            defaultValue = "20",
            description = "How often each is measured; the median counts. Default: 20.")
    private int repeats;

    @Option(
            names = "--warm-up",
            paramLabel = "N",
            defaultValue = "3",
            description = "How often each runs before it is measured. Default: 3.")
    private int warmUp;

    int repeats() {
        return atLeast("--repeats", repeats, 1);
    }

    int warmUp() {
        return atLeast("--warm-up", warmUp, 0);
    }

    /** Refuses a number that is too small. */
    static int atLeast(String option, int value, int least) {
        if (value < least) {
            throw new IllegalArgumentException(
                    option + " " + value + ", allowed is " + least + " or more");
        }
        return value;
    }

    /** Reads the value of {@code --cases}. */
    static List<DecodeCase> parse(String cases) {
        try {
            return DecodeCase.parse(cases);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("--cases " + e.getMessage(), e);
        }
    }

    /** Writes a drawing. */
    @FunctionalInterface
    interface Drawing {
        void write(Path png) throws IOException;
    }

    /** Writes the file that {@code --plot} names, if it is there. */
    static void draw(Path plot, Drawing drawing) {
        if (plot == null) {
            return;
        }
        try {
            drawing.write(plot);
        } catch (IOException e) {
            throw new UncheckedIOException("--plot " + plot + ": " + e.getMessage(), e);
        }
    }

    /** Leaves out names that were given before: they would be measured twice. */
    static <T> List<T> distinct(List<T> values) {
        return values.stream().distinct().toList();
    }

    @Override
    public Integer call() throws Exception {
        prepare();
        Device device = device();
        if (!device.isGpu()) {
            throw new UnsupportedOperationException(
                    "bench needs a GPU, the device is the CPU (see: djl-flash doctor)");
        }
        CudaLibrary.ensureAvailable();
        DeviceInfo gpu = CudaLibrary.devices().get(device.getDeviceId());
        String version = DjlFlash.class.getAnnotation(Command.class).version()[0];
        Map<String, Object> machine = Machine.facts(gpu, version);
        machine.forEach((name, value) -> say(name + ": " + value));
        line(machine);
        try (NDManager manager = NDManager.newBaseManager(device, TorchLibrary.ENGINE);
                ConsoleProgress progress = progress()) {
            measure(manager, gpu, progress);
        }
        return 0;
    }

    /** Checks the options. */
    abstract void prepare();

    /** Measures and prints. */
    abstract void measure(NDManager manager, DeviceInfo gpu, ConsoleProgress progress);

    /** Prints a line of JSON, if it is asked for. */
    void line(Map<String, ?> json) {
        try {
            report(json);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }
}
