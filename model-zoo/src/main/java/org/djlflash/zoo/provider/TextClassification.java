package org.djlflash.zoo.provider;

import ai.djl.Model;
import ai.djl.modality.Classifications;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.translate.TranslatorContext;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.djlflash.zoo.bert.BertClassifierBlock;
import org.djlflash.zoo.bert.ClassifierConfig;

/** The labels of a text with their scores, for a {@link BertClassifierBlock}. */
final class TextClassification extends EncoderTask {

    private final ClassifierConfig labels;
    private final int topK;

    TextClassification(Model model, BertClassifierBlock block, Map<String, ?> arguments)
            throws IOException {
        super(model, block.bert().config());
        labels = block.labels();
        int count = labels.names().size();
        topK = topK(arguments, count, count);
    }

    @Override
    public List<Classifications> decode(TranslatorContext ctx, NDList outputs) {
        List<Classifications> results = new ArrayList<>();
        NDArray logits = outputs.singletonOrThrow();
        for (int row = 0; row < logits.getShape().get(0); row++) {
            double[] scores = labels.scoring().scores(logits.get(row).toFloatArray());
            Classifications result =
                    new Classifications(labels.names(), Arrays.stream(scores).boxed().toList());
            result.setTopK(topK);
            results.add(result);
        }
        return results;
    }
}
