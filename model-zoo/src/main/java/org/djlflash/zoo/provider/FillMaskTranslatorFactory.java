package org.djlflash.zoo.provider;

import ai.djl.Model;
import ai.djl.modality.Classifications;
import java.io.IOException;
import java.util.Map;
import org.djlflash.zoo.bert.BertMaskedLanguageBlock;

/**
 * Creates translators of texts with a mask to the likeliest words in its place, for models whose
 * block is a {@link BertMaskedLanguageBlock}: String to {@link Classifications}, arrays of these,
 * Input to Output.
 *
 * <p>Arguments: {@code maskToken}, {@code [MASK]} if absent; {@code topK}, how many words, 5 if
 * absent. Safe for use by many threads.
 */
public final class FillMaskTranslatorFactory
        extends TextTranslatorFactory<BertMaskedLanguageBlock, Classifications> {

    private static final long serialVersionUID = 1L;

    /** Creates the factory. */
    public FillMaskTranslatorFactory() {
        super(BertMaskedLanguageBlock.class, Classifications.class);
    }

    @Override
    TextTask<Classifications> newTask(
            Model model, BertMaskedLanguageBlock block, Map<String, ?> arguments)
            throws IOException {
        return new MaskFilling(model, block, arguments);
    }
}
