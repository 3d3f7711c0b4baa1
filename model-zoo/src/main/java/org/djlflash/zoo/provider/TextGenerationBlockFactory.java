package org.djlflash.zoo.provider;

import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Block;
import ai.djl.nn.BlockFactory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.djlflash.zoo.generate.GenerationOptions;

/**
 * Builds a {@link GenerationBlock} from a Hugging Face folder with a model that {@link
 * CausalModels} knows.
 *
 * <p>To be named as the argument {@code blockFactory} of a DJL {@code Criteria}, together with the
 * option {@code hasParameter=false}: the weights are loaded here, in the type that the argument
 * {@code dataType} names, {@code float32} (default) or {@code float16}. The other arguments are
 * those of {@link GenerationOptions#from}.
 */
public final class TextGenerationBlockFactory implements BlockFactory {

    private static final long serialVersionUID = 1L;

    @Override
    public Block newBlock(Model model, Path modelPath, Map<String, ?> arguments)
            throws IOException {
        NDManager manager = model.getNDManager();
        GenerationOptions options = GenerationOptions.from(arguments);
        DataType type = DataTypeArgument.of(arguments);
        try {
            return new GenerationBlock(CausalModels.load(modelPath, manager, type, null), options);
        } catch (MalformedModelException e) {
            throw new IOException(e.getMessage(), e);
        }
    }
}
