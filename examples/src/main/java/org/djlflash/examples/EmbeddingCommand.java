package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.types.DataType;
import java.io.IOException;
import java.nio.file.Path;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.bert.Bert;
import org.djlflash.zoo.bert.BertConfig;
import org.djlflash.zoo.embed.EmbeddingOptions;
import org.djlflash.zoo.embed.Pooling;
import org.djlflash.zoo.embed.SentenceTransformersFolder;
import org.djlflash.zoo.embed.TextEmbedder;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What the subcommands that embed texts have in common. */
abstract class EmbeddingCommand extends ModelCommand {

    @Option(
            names = "--model",
            paramLabel = "DIR",
            required = true,
            description = "A Hugging Face folder with a BERT.")
    private Path folder;

    @Option(
            names = "--pooling",
            paramLabel = "NAME",
            description =
                    "How the tokens of a text become one vector: ${COMPLETION-CANDIDATES}."
                            + " Default: what the folder says, or mean.")
    private Pooling pooling;

    @Mixin private WeightType type;

    DataType dataType() {
        return type.dataType();
    }

    Bert load(Device on) throws IOException {
        return load(folder, on, type.dataType(), Bert::load);
    }

    /**
     * Creates an embedder.
     *
     * @param normalize whether vectors get the length 1, or null for what the folder says
     */
    TextEmbedder embedder(Bert bert, Boolean normalize) throws IOException {
        BertConfig config = bert.block().config();
        EmbeddingOptions stored =
                ModelFolder.read(
                        folder,
                        from ->
                                SentenceTransformersFolder.read(
                                        from, config.hiddenSize(), config.maxPositions()));
        return new TextEmbedder(
                bert,
                new EmbeddingOptions(
                        pooling == null ? stored.pooling() : pooling,
                        normalize == null ? stored.normalize() : normalize,
                        stored.maxTokens()));
    }

    HuggingFaceTokenizer tokenizer(TextEmbedder embedder) throws IOException {
        int maxTokens = embedder.options().maxTokens();
        return ModelFolder.read(folder, from -> Tokenizers.openForEncoder(from, maxTokens));
    }
}
