package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.engine.Engine;
import ai.djl.ndarray.types.DataType;
import ai.djl.util.Progress;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.djlflash.torch.TorchLibrary;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What all subcommands have in common: device, form of the output, form of errors. */
abstract class ModelCommand implements Callable<Integer> {

    /** The values of {@code --device}. */
    enum DeviceChoice {
        AUTO,
        CPU,
        GPU
    }

    @Spec private CommandSpec spec;

    @Option(
            names = "--json",
            description = "Print JSON, an object a line, and nothing else on stdout.")
    private boolean json;

    @Option(
            names = "--device",
            defaultValue = "auto",
            description = "Where to compute: auto (a GPU if there is one), cpu or gpu.")
    private DeviceChoice device;

    @Option(names = "--stacktrace", description = "Print the stack trace of an error.")
    private boolean stacktrace;

    boolean wantsTrace() {
        return stacktrace;
    }

    /** Finds the device that was asked for. */
    Device device() {
        int gpus = Engine.getEngine(TorchLibrary.ENGINE).getGpuCount();
        if (device == DeviceChoice.GPU && gpus == 0) {
            throw new IllegalArgumentException(
                    "--device gpu: PyTorch finds no GPU, allowed here is cpu (see: djl-flash doctor)");
        }
        return device == DeviceChoice.CPU || gpus == 0 ? Device.cpu() : Device.gpu();
    }

    /** Names a device as the option does. */
    static String name(Device device) {
        return device.isGpu() ? "gpu" + device.getDeviceId() : "cpu";
    }

    /** Loads a kind of model. */
    @FunctionalInterface
    interface Loader<M> {
        M load(Path folder, Device on, DataType dataType, Progress progress)
                throws IOException, MalformedModelException;
    }

    /** Loads a model, under a progress bar if it takes a while. */
    <M> M load(ModelFolder model, Device on, DataType dataType, Loader<M> loader)
            throws IOException {
        return load(model.find(), on, dataType, loader);
    }

    /** Loads a model from the folder that the option named. */
    <M> M load(Path folder, Device on, DataType dataType, Loader<M> loader) throws IOException {
        try (ConsoleProgress progress = progress(Duration.ofSeconds(1))) {
            return ModelFolder.read(folder, from -> loader.load(from, on, dataType, progress));
        }
    }

    /** Returns a progress bar on the error stream. */
    ConsoleProgress progress() {
        return progress(Duration.ZERO);
    }

    /** Returns a progress bar on the error stream for what takes a while. */
    ConsoleProgress progress(Duration patience) {
        return new ConsoleProgress(spec.commandLine().getErr(), patience);
    }

    /** Prints a line of text, unless JSON is asked for. */
    void say(String line) {
        if (!json) {
            spec.commandLine().getOut().println(line);
        }
    }

    /** Prints a line of text as English has it, unless JSON is asked for. */
    void sayf(String format, Object... arguments) {
        say(String.format(Locale.ROOT, format, arguments));
    }

    /** Prints text without ending the line, unless JSON is asked for. */
    void sayOn(String text) {
        if (!json) {
            spec.commandLine().getOut().print(text);
            spec.commandLine().getOut().flush();
        }
    }

    /** Prints the JSON object, if it is asked for. */
    void report(Map<String, ?> result) throws JsonProcessingException {
        if (json) {
            spec.commandLine().getOut().println(new ObjectMapper().writeValueAsString(result));
        }
    }
}
