package org.djlflash.examples.serve;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.stream.LongStream;
import org.djlflash.AttentionRequest;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.decoder.DecoderModel;
import org.djlflash.zoo.generate.CausalLanguageModel;
import org.djlflash.zoo.generate.GenerationOptions;
import org.djlflash.zoo.generate.TextGenerator;
import org.djlflash.zoo.provider.CausalModels;
import org.djlflash.zoo.provider.EmbeddedModel;

/** The embedded model, which a test may hold up. */
final class TestModel implements CausalLanguageModel, AutoCloseable {

    static final String PROMPT = "And the king said unto";

    /** What Hugging Face transformers generates, 48 tokens. */
    static final String GREEDY =
            " him, Behold, I will send thee to the king of Babylon, and will send thee to the king"
                    + " of Babylon.\nAnd the king of Babylon came to pass, that he sent to"
                    + " Jerusalem, saying, Thus saith the LORD, the";

    static final int GREEDY_TOKENS = 48;

    private static final int BATCH = 4;

    private final DecoderModel<?> model;
    private final HuggingFaceTokenizer tokenizer;

    private final List<Integer> batches = new CopyOnWriteArrayList<>();

    /** One is taken for each text that begins. */
    private final Semaphore gate = new Semaphore(Integer.MAX_VALUE);

    TestModel() throws Exception {
        Path folder = EmbeddedModel.unpack();
        model = CausalModels.load(folder, Device.cpu(), DataType.FLOAT32, null);
        tokenizer = Tokenizers.open(folder);
    }

    ModelServer serve(int queue, Duration time) {
        ServedModel served = new ServedGenerator(EmbeddedModel.NAME, this, tokenizer);
        return new ModelServer(
                List.of(served), new ServeLimits(queue, BATCH, 1 << 16, time), "127.0.0.1", 0);
    }

    /** What the generator makes of a prompt without any server. */
    String greedy(String prompt, int maxTokens) {
        int[] ids =
                LongStream.of(Tokenizers.encodePrompt(tokenizer, prompt))
                        .mapToInt(Math::toIntExact)
                        .toArray();
        int[] found =
                new TextGenerator(model)
                        .generate(ids, GenerationOptions.greedy(maxTokens), (id, count) -> true)
                        .ids();
        return tokenizer.decode(Arrays.stream(found).asLongStream().toArray());
    }

    /** Lets no text begin. */
    void hold() {
        gate.drainPermits();
    }

    void letGo() {
        gate.release(Integer.MAX_VALUE - gate.availablePermits());
    }

    boolean isHolding() {
        return gate.hasQueuedThreads();
    }

    /** How many prompts were read at once, in the order of the batches. */
    List<Integer> batches() {
        return batches;
    }

    @Override
    public Sequence newSequence(NDManager manager, int rows, int capacity) {
        gate.acquireUninterruptibly();
        batches.add(rows);
        return model.newSequence(manager, rows, capacity);
    }

    @Override
    public NDArray logits(NDArray ids) {
        return model.logits(ids);
    }

    @Override
    public NDManager manager() {
        return model.manager();
    }

    @Override
    public int vocabularySize() {
        return model.vocabularySize();
    }

    @Override
    public int maxPositions() {
        return model.maxPositions();
    }

    @Override
    public List<Integer> endTokenIds() {
        return model.endTokenIds();
    }

    @Override
    public AttentionRequest attentionRequest(int queries, int keys) {
        return model.attentionRequest(queries, keys);
    }

    @Override
    public void close() {
        tokenizer.close();
        model.close();
    }
}
