package org.djlflash.examples.serve;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.types.DataType;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.bert.Bert;
import org.djlflash.zoo.bert.TinyBert;
import org.djlflash.zoo.embed.EmbeddingOptions;
import org.djlflash.zoo.embed.Pooling;
import org.djlflash.zoo.embed.TextEmbedder;
import org.djlflash.zoo.embed.TokenIds;

/** A tiny BERT that embeds. */
final class TestEmbedder implements AutoCloseable {

    static final String NAME = "tiny-bert";

    private final Bert bert;
    private final TextEmbedder embedder;
    private final HuggingFaceTokenizer tokenizer;

    TestEmbedder(Path folder) throws Exception {
        TinyBert.write(folder, false);
        bert = Bert.load(folder, Device.cpu(), DataType.FLOAT32, null);
        embedder =
                new TextEmbedder(
                        bert, new EmbeddingOptions(Pooling.MEAN, true, TinyBert.POSITIONS));
        tokenizer = Tokenizers.openForEncoder(folder, TinyBert.POSITIONS);
    }

    ServedModel served() {
        return new ServedEmbedder(NAME, embedder, tokenizer);
    }

    ModelServer serve() {
        return new ModelServer(
                List.of(served()),
                new ServeLimits(8, 4, 1 << 20, Duration.ofMinutes(2)),
                "127.0.0.1",
                0);
    }

    /** What the embedder makes of a text without any server. */
    float[] embed(String text) {
        return embedder.embed(TokenIds.encode(tokenizer, List.of(text)))[0];
    }

    float[] embed(long... ids) {
        return embedder.embed(List.of(new TokenIds(ids)))[0];
    }

    @Override
    public void close() {
        tokenizer.close();
        bert.close();
    }
}
