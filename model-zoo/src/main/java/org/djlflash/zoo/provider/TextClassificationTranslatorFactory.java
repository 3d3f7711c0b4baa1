package org.djlflash.zoo.provider;

import ai.djl.Model;
import ai.djl.modality.Classifications;
import java.io.IOException;
import java.util.Map;
import org.djlflash.zoo.bert.BertClassifierBlock;

/**
 * Creates translators of texts to their labels, for models whose block is a {@link
 * BertClassifierBlock}: String to {@link Classifications}, arrays of these, Input to Output. The
 * labels have the names of the model's configuration.
 *
 * <p>Argument: {@code topK}, how many labels are shown, all if absent. Safe for use by many
 * threads.
 */
public final class TextClassificationTranslatorFactory
        extends TextTranslatorFactory<BertClassifierBlock, Classifications> {

    private static final long serialVersionUID = 1L;

    /** Creates the factory. */
    public TextClassificationTranslatorFactory() {
        super(BertClassifierBlock.class, Classifications.class);
    }

    @Override
    TextTask<Classifications> newTask(
            Model model, BertClassifierBlock block, Map<String, ?> arguments) throws IOException {
        return new TextClassification(model, block, arguments);
    }
}
