package org.djlflash.examples.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.djlflash.zoo.Tokenizers;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EncodedTextsTest {

    private static final LabelledText SHORT = new LabelledText("a", "In the beginning");
    private static final LabelledText LONG = new LabelledText("b", "And the king said unto");

    @TempDir private Path folder;
    private NDManager manager;

    @BeforeEach
    void open() throws IOException {
        manager = NDManager.newBaseManager();
        SmallBert.write(folder);
    }

    @AfterEach
    void close() {
        manager.close();
    }

    private EncodedTexts encode(int maxTokens) throws IOException {
        try (HuggingFaceTokenizer tokenizer = Tokenizers.openForEncoder(folder, maxTokens)) {
            return new EncodedTexts(List.of(SHORT, LONG), List.of("a", "b"), tokenizer);
        }
    }

    @Test
    void padsToTheLongestAndMasks() throws IOException {
        NDList inputs = encode(64).inputs(manager, 0, 1);
        assertEquals(new Shape(2, 6), inputs.head().getShape());
        assertArrayEquals(
                new long[] {0, 1130, 259, 2118, 0, 0, 0, 296, 259, 410, 387, 321},
                inputs.get(0).toLongArray());
        assertArrayEquals(new long[12], inputs.get(1).toLongArray());
        assertArrayEquals(
                new int[] {1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1}, inputs.get(2).toIntArray());
        assertArrayEquals(new long[] {1, 0}, encode(64).labels(manager, 1, 0).toLongArray());
        assertEquals(new Shape(1, 4), encode(64).inputs(manager, 0).head().getShape());
    }

    @Test
    void cutsWhatIsTooLong() throws IOException {
        EncodedTexts encoded = encode(5);
        assertEquals(1, encoded.cut());
        assertArrayEquals(
                new long[] {0, 1130, 259, 2118, 0, 0, 296, 259, 410, 387},
                encoded.inputs(manager, 0, 1).head().toLongArray());
    }
}
