package org.djlflash.zoo.embed;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.djlflash.zoo.bert.Bert;
import org.djlflash.zoo.bert.TinyBert;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TextEmbedderTest {

    @TempDir static Path folder;
    private static Bert model;

    @BeforeAll
    static void load() throws Exception {
        TinyBert.write(folder, true);
        model = Bert.load(folder, Device.cpu(), DataType.FLOAT32, null);
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static TextEmbedder embedder(Pooling pooling, boolean normalize) {
        return new TextEmbedder(
                model, new EmbeddingOptions(pooling, normalize, TinyBert.POSITIONS));
    }

    /** More than fit into one batch, of all lengths, in no order. */
    private static List<TokenIds> texts() {
        Random random = new Random(3);
        List<TokenIds> texts = new ArrayList<>();
        for (int i = 0; i < 70; i++) {
            int length = 1 + random.nextInt(TinyBert.POSITIONS);
            texts.add(
                    new TokenIds(
                            random.longs(length, 0, 4 + TinyBert.WORDS.size()).toArray(),
                            random.longs(length, 0, 2).toArray()));
        }
        return texts;
    }

    /** A text alone, pooled in double precision. */
    private static double[] expected(TokenIds text, Pooling pooling, boolean normalize) {
        try (var scope = model.manager().newSubManager()) {
            NDArray ids = scope.create(text.ids()).expandDims(0);
            NDList outputs =
                    model.encode(new NDList(ids, scope.create(text.types()).expandDims(0)));
            float[] hidden = outputs.head().toFloatArray();
            float[] pooled = outputs.get(1).toFloatArray();
            double[] vector = new double[TinyBert.WIDTH];
            for (int i = 0; i < vector.length; i++) {
                switch (pooling) {
                    case CLS -> vector[i] = hidden[i];
                    case POOLER -> vector[i] = pooled[i];
                    case MEAN -> {
                        for (int token = 0; token < text.ids().length; token++) {
                            vector[i] += hidden[token * vector.length + i];
                        }
                        vector[i] /= text.ids().length;
                    }
                }
            }
            double norm = 0;
            for (double value : vector) {
                norm += value * value;
            }
            for (int i = 0; normalize && i < vector.length; i++) {
                vector[i] /= Math.sqrt(norm);
            }
            return vector;
        }
    }

    @ParameterizedTest
    @CsvSource({"MEAN, false", "MEAN, true", "CLS, false", "CLS, true", "POOLER, false"})
    void poolsEveryTextAsIfItWereAlone(Pooling pooling, boolean normalize) {
        List<TokenIds> texts = texts();
        float[][] vectors = embedder(pooling, normalize).embed(texts);
        assertEquals(texts.size(), vectors.length);
        for (int i = 0; i < vectors.length; i++) {
            double[] expected = expected(texts.get(i), pooling, normalize);
            for (int j = 0; j < expected.length; j++) {
                assertEquals(expected[j], vectors[i][j], 1e-5, i + ", " + j);
            }
        }
    }

    @Test
    void halfPrecisionPoolsInSingle() throws Exception {
        EmbeddingOptions options = new EmbeddingOptions(Pooling.MEAN, true, TinyBert.POSITIONS);
        try (Bert half = Bert.load(folder, Device.cpu(), DataType.FLOAT16, null)) {
            float[][] vectors = new TextEmbedder(half, options).embed(texts());
            float[][] single = new TextEmbedder(model, options).embed(texts());
            for (int i = 0; i < vectors.length; i++) {
                assertArrayEquals(single[i], vectors[i], 2e-2f);
            }
        }
    }

    @Test
    void noTextsNoVectors() {
        assertEquals(0, embedder(Pooling.MEAN, true).embed(List.of()).length);
    }

    @Test
    void refusesTokensThatTheModelDoesNotHave() {
        TextEmbedder embedder = embedder(Pooling.MEAN, false);
        refused("token id 14, allowed is 0 to 13", embedder, new TokenIds(14));
        refused("token id -1,", embedder, new TokenIds(5, -1));
        refused(
                "token type 2, allowed is 0 to 1",
                embedder,
                new TokenIds(new long[] {1}, new long[] {2}));
        refused("13 tokens, allowed are up to 12", embedder, new TokenIds(new long[13]));
        assertThrows(IllegalArgumentException.class, () -> new TokenIds());
        assertThrows(IllegalArgumentException.class, () -> new TokenIds(new long[2], new long[1]));
    }

    private static void refused(String part, TextEmbedder embedder, TokenIds text) {
        String message =
                assertThrows(
                                IllegalArgumentException.class,
                                () -> embedder.embed(List.of(new TokenIds(1), text)))
                        .getMessage();
        assertTrue(message.contains(part), message);
    }

    @Test
    void refusesWhatTheModelDoesNotHave(@TempDir Path other) throws Exception {
        EmbeddingOptions longer = new EmbeddingOptions(Pooling.MEAN, false, TinyBert.POSITIONS + 1);
        assertThrows(IllegalArgumentException.class, () -> new TextEmbedder(model, longer));
        TinyBert.write(other, false);
        try (Bert plain = Bert.load(other, Device.cpu(), DataType.FLOAT32, null)) {
            EmbeddingOptions pooler = new EmbeddingOptions(Pooling.POOLER, false, 12);
            String message =
                    assertThrows(
                                    IllegalArgumentException.class,
                                    () -> new TextEmbedder(plain, pooler))
                            .getMessage();
            assertTrue(message.contains("the model has no pooler"), message);
        }
    }
}
