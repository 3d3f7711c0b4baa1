package org.djlflash.zoo.provider;

import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Block;
import ai.djl.nn.BlockFactory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.djlflash.zoo.bert.Bert;
import org.djlflash.zoo.bert.BertBlock;
import org.djlflash.zoo.bert.BertConfig;
import org.djlflash.zoo.embed.EmbeddingOptions;
import org.djlflash.zoo.embed.SentenceTransformersFolder;

/**
 * Builds an {@link EmbeddingBlock} from a Hugging Face folder with a BERT.
 *
 * <p>To be named as the argument {@code blockFactory} of a DJL {@code Criteria}, together with the
 * option {@code hasParameter=false}: the weights are loaded here, in the type that the argument
 * {@code dataType} names, {@code float32} (default) or {@code float16}. The other arguments are
 * those of {@link EmbeddingOptions#with}; what they leave open, the files of sentence-transformers
 * say.
 */
public final class TextEmbeddingBlockFactory implements BlockFactory {

    private static final long serialVersionUID = 1L;

    @Override
    public Block newBlock(Model model, Path modelPath, Map<String, ?> arguments)
            throws IOException {
        NDManager manager = model.getNDManager();
        try {
            BertConfig config = BertConfig.read(modelPath);
            EmbeddingOptions options =
                    SentenceTransformersFolder.read(
                                    modelPath, config.hiddenSize(), config.maxPositions())
                            .with(arguments);
            BertBlock block =
                    Bert.loadBlock(modelPath, manager, DataTypeArgument.of(arguments), null);
            return new EmbeddingBlock(new Bert(block, manager), options);
        } catch (MalformedModelException e) {
            throw new IOException(e.getMessage(), e);
        }
    }
}
