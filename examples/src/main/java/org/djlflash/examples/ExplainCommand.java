package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.ndarray.types.DataType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlflash.AttentionExplanation;
import org.djlflash.AttentionRequest;
import org.djlflash.CausalAlignment;
import org.djlflash.FlashAttention;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Says which backend would compute an attention, and why each other one would not. */
@Command(
        name = "explain",
        description =
                "Says which backend would compute an attention, and why each other would not.",
        mixinStandardHelpOptions = true)
final class ExplainCommand extends ModelCommand {

    /** The values of {@code --dtype}; bfloat16 exists as a compute type only. */
    enum Type {
        FP16(DataType.FLOAT16, DataType.FLOAT16),
        BF16(DataType.FLOAT32, DataType.BFLOAT16),
        FP32(DataType.FLOAT32, DataType.FLOAT32),
        FP64(DataType.FLOAT64, DataType.FLOAT64);

        private final DataType arrays;
        private final DataType compute;

        Type(DataType arrays, DataType compute) {
            this.arrays = arrays;
            this.compute = compute;
        }
    }

    @Option(
            names = "--q",
            paramLabel = "B,H,T,D",
            required = true,
            converter = Numbers.Converter.class,
            description = "Batch size, query heads, queries and head size.")
    private Numbers query;

    @Option(
            names = "--kv-heads",
            paramLabel = "N",
            description = "The number of key heads. Default: as many as query heads.")
    private Long keyHeads;

    @Option(
            names = "--tk",
            paramLabel = "N",
            description = "The number of keys. Default: as many as queries.")
    private Long keys;

    @Option(names = "--causal", description = "Queries see no keys after their own.")
    private boolean causal;

    @Option(
            names = "--dtype",
            defaultValue = "fp32",
            description = "fp16, bf16, fp32 or fp64. Default: ${DEFAULT-VALUE}.")
    private Type type;

    @Option(names = "--gradient", description = "Gradients will be asked for.")
    private boolean gradient;

    @Option(names = "--lengths", description = "Batch rows have key lengths of their own.")
    private boolean lengths;

    @Option(names = "--mask", description = "There is a dense mask.")
    private boolean mask;

    @Option(names = "--bias", description = "There is a dense bias.")
    private boolean bias;

    @Option(names = "--dropout", paramLabel = "P", description = "The dropout rate. Default: 0.")
    private float dropout;

    @Option(names = "--deterministic", description = "Demand bitwise equal results.")
    private boolean deterministic;

    @Override
    public Integer call() throws Exception {
        AttentionExplanation explanation = FlashAttention.explain(request());
        say(explanation.toString());
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("request", explanation.request().toString());
        json.put("chosen", explanation.chosen().map(Object::toString).orElse(null));
        json.put("backends", describe(explanation));
        report(json);
        return 0;
    }

    static List<Map<String, Object>> describe(AttentionExplanation explanation) {
        return explanation.verdicts().stream()
                .map(
                        verdict -> {
                            Map<String, Object> json = new LinkedHashMap<>();
                            json.put("backend", verdict.backend().id());
                            json.put("chosen", verdict.chosen());
                            json.put("reasons", verdict.reasons());
                            json.put("kernels", verdict.kernels());
                            json.put("remarks", verdict.remarks());
                            return json;
                        })
                .toList();
    }

    private AttentionRequest request() {
        List<Integer> sizes = query.values();
        if (sizes.size() != 4 || sizes.stream().anyMatch(size -> size < 1)) {
            throw new IllegalArgumentException(
                    "--q "
                            + query
                            + ", allowed are four numbers of at least 1, such as 1,12,1024,64");
        }
        long heads = keyHeads == null ? sizes.get(1) : keyHeads;
        if (heads < 1 || sizes.get(1) % heads != 0) {
            throw new IllegalArgumentException(
                    "--kv-heads "
                            + heads
                            + ", allowed is a divisor of "
                            + sizes.get(1)
                            + " query heads");
        }
        long keyCount = keys == null ? sizes.get(2) : keys;
        if (keyCount < 0) {
            throw new IllegalArgumentException("--tk " + keyCount + ", allowed is 0 or more");
        }
        if (!(dropout >= 0 && dropout < 1)) {
            throw new IllegalArgumentException(
                    "--dropout " + dropout + ", allowed is 0 (included) to 1 (excluded)");
        }
        Device device = device();
        return new AttentionRequest(
                sizes.get(0),
                sizes.get(1),
                heads,
                sizes.get(2),
                keyCount,
                sizes.get(3),
                type.arrays,
                type.compute,
                device,
                gradient,
                1 / Math.sqrt(sizes.get(3)),
                causal ? CausalAlignment.BOTTOM_RIGHT : CausalAlignment.NONE,
                lengths,
                mask,
                bias,
                dropout,
                deterministic,
                0);
    }
}
