package org.djlflash.zoo.provider;

import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.nn.Block;
import ai.djl.nn.BlockFactory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.djlflash.zoo.bert.BertClassifierBlock;

/**
 * Loads a {@link BertClassifierBlock} from a Hugging Face folder.
 *
 * <p>To be named as the argument {@code blockFactory} of a DJL {@code Criteria}, together with the
 * option {@code hasParameter=false}: the weights are loaded here, in the type that the argument
 * {@code dataType} names, {@code float32} (default) or {@code float16}.
 */
public final class TextClassificationBlockFactory implements BlockFactory {

    private static final long serialVersionUID = 1L;

    @Override
    public Block newBlock(Model model, Path modelPath, Map<String, ?> arguments)
            throws IOException {
        try {
            return BertClassifierBlock.load(
                    modelPath, model.getNDManager(), DataTypeArgument.of(arguments), null);
        } catch (MalformedModelException e) {
            throw new IOException(e.getMessage(), e);
        }
    }
}
