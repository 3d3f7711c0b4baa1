package org.djlflash.examples.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.Model;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.translate.NoopTranslator;
import ai.djl.translate.TranslateException;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.provider.EmbeddedModel;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class EncodedTextsTest {

    private static final LabelledText SHORT = new LabelledText("a", "In the beginning");
    private static final LabelledText LONG = new LabelledText("b", "And the king said unto");

    private NDManager manager;
    private HuggingFaceTokenizer tokenizer;

    @BeforeEach
    void open() throws IOException {
        manager = NDManager.newBaseManager();
        tokenizer = Tokenizers.open(EmbeddedModel.unpack());
    }

    @AfterEach
    void close() {
        tokenizer.close();
        manager.close();
    }

    private EncodedTexts encode(int maxTokens, LabelledText... texts) {
        return new EncodedTexts(List.of(texts), List.of("a", "b"), tokenizer, maxTokens);
    }

    @Test
    void padsAndMasks() {
        NDList inputs = encode(64, SHORT, LONG).inputs(manager);
        assertEquals(new Shape(2, 6), inputs.head().getShape());
        assertArrayEquals(
                new long[] {0, 1130, 259, 2118, 0, 0, 0, 296, 259, 410, 387, 321},
                inputs.get(0).toLongArray());
        assertArrayEquals(new long[12], inputs.get(1).toLongArray());
        assertArrayEquals(
                new long[] {1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1}, inputs.get(2).toLongArray());
    }

    @Test
    void cutsWhatIsTooLong() {
        EncodedTexts encoded = encode(5, SHORT, LONG);
        assertEquals(1, encoded.cut());
        assertArrayEquals(
                new long[] {0, 1130, 259, 2118, 0, 0, 296, 259, 410, 387},
                encoded.inputs(manager).head().toLongArray());
    }

    @Test
    void paddingDoesNotChangeWhatTheClassifierSees() throws TranslateException {
        try (Model model = Model.newInstance("bert")) {
            model.setBlock(TextClassifier.create(4096, 2));
            Shape shape = new Shape(1, 6);
            model.getBlock().initialize(manager, DataType.FLOAT32, shape, shape, shape);
            float[] alone = logits(model, encode(64, SHORT));
            float[] padded = logits(model, encode(64, SHORT, LONG));
            assertArrayEquals(alone, Arrays.copyOf(padded, 2), 1e-5f);
        }
    }

    private float[] logits(Model model, EncodedTexts texts) throws TranslateException {
        try (Predictor<NDList, NDList> predictor = model.newPredictor(new NoopTranslator(null))) {
            return predictor.predict(texts.inputs(manager)).singletonOrThrow().toFloatArray();
        }
    }
}
