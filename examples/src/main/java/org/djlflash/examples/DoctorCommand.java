package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.types.DataType;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlflash.AttentionExplanation;
import org.djlflash.AttentionRequest;
import org.djlflash.CausalAlignment;
import org.djlflash.FlashAttention;
import org.djlflash.cuda.launch.CudaDiagnosis;
import org.djlflash.torch.TorchLibrary;
import picocli.CommandLine.Command;

/** Says what works on this machine, and why the rest does not. */
@Command(
        name = "doctor",
        description = "Says what works on this machine, and why the rest does not.",
        mixinStandardHelpOptions = true)
final class DoctorCommand extends ModelCommand {

    @Override
    public Integer call() throws Exception {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("java", System.getProperty("java.vendor") + " " + Runtime.version());
        facts.put(
                "os",
                System.getProperty("os.name")
                        + " "
                        + System.getProperty("os.version")
                        + " "
                        + System.getProperty("os.arch"));
        facts.put("libtorch", libtorch());
        CudaDiagnosis cuda = CudaDiagnosis.take(libraryFolders());
        facts.put("driver", cuda.driver());
        facts.put("gpus", cuda.devices().stream().map(Object::toString).toList());
        facts.put("nvrtc", cuda.compiler());
        facts.put("kernel_cache", cuda.cache());
        facts.forEach(
                (name, value) -> say(name + ": " + (List.of().equals(value) ? "none" : value)));
        if (TorchLibrary.isAvailable()) {
            AttentionExplanation explanation = FlashAttention.explain(sample());
            say("backends, for example for " + explanation);
            facts.put("backends_for", explanation.request().toString());
            facts.put("backends", ExplainCommand.describe(explanation));
        }
        report(facts);
        return 0;
    }

    private static String libtorch() {
        return TorchLibrary.unavailabilityCause()
                .map(cause -> "not available: " + cause.getMessage())
                .orElseGet(
                        () ->
                                TorchLibrary.version()
                                        + ", "
                                        + Engine.getEngine(TorchLibrary.ENGINE).getGpuCount()
                                        + " GPUs, "
                                        + TorchLibrary.folder());
    }

    private static List<Path> libraryFolders() {
        return TorchLibrary.isAvailable() ? List.of(TorchLibrary.folder()) : List.of();
    }

    /** A layer of GPT-2 small on the device that would be used. */
    private AttentionRequest sample() {
        Device device = device();
        DataType type = device.isGpu() ? DataType.FLOAT16 : DataType.FLOAT32;
        return new AttentionRequest(
                1,
                12,
                12,
                1024,
                1024,
                64,
                type,
                type,
                device,
                false,
                1.0 / 8,
                CausalAlignment.BOTTOM_RIGHT,
                false,
                false,
                false,
                0,
                false,
                0);
    }
}
