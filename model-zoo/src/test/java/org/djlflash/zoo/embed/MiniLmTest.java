package org.djlflash.zoo.embed;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.djlflash.zoo.provider.FlashModelZoo;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A trained model, through DJL's Criteria, against ONNX Runtime. */
class MiniLmTest {

    private static final List<String> WORDS =
            List.of(
                    "the",
                    "a",
                    "cat",
                    "king",
                    "river",
                    "quickly",
                    "attention",
                    "sleeps",
                    "42",
                    "under",
                    "bridge",
                    "green",
                    "Paris",
                    "calculates",
                    "unbelievable",
                    "of",
                    "and",
                    "it's",
                    "naïve",
                    "Zürich",
                    "東京",
                    "3.14",
                    "rain",
                    "memory",
                    "hippopotamus",
                    "because",
                    "never",
                    "GPU",
                    "whispers",
                    "to",
                    "children",
                    "antidisestablishment");

    private static final int RANDOM_TEXTS = 220;

    private static final String[] TEXTS = texts();

    @TempDir static Path folder;
    private static float[][] vectors;

    @BeforeAll
    static void load() throws Exception {
        MiniLm.write(folder);
        vectors = vectors(TEXTS, "float32");
    }

    private static <I, O> ZooModel<I, O> load(Class<I> input, Class<O> output, String dataType)
            throws Exception {
        return FlashModelZoo.textEmbedding(Criteria.builder().setTypes(input, output), folder)
                .optDevice(Device.cpu())
                .optArgument("dataType", dataType)
                .build()
                .loadModel();
    }

    /** From no word to more than the model reads. */
    private static String[] texts() {
        Random random = new Random(11);
        List<String> texts = new ArrayList<>();
        texts.add("");
        texts.add("?");
        texts.add("A cat.\n\tOn two lines — “quoted”, 👍🏽.");
        texts.add("word ".repeat(400));
        for (int i = 0; i < RANDOM_TEXTS; i++) {
            int length = 1 + (int) Math.exp(random.nextDouble() * Math.log(80));
            StringBuilder text = new StringBuilder();
            for (int j = 0; j < length; j++) {
                text.append(WORDS.get(random.nextInt(WORDS.size()))).append(' ');
            }
            texts.add(text.append('.').toString());
        }
        return texts.toArray(String[]::new);
    }

    private static double cosine(double[] a, float[] b) {
        double dot = 0;
        double aa = 0;
        double bb = 0;
        for (int i = 0; i < a.length; i++) {
            dot += a[i] * b[i];
            aa += a[i] * a[i];
            bb += (double) b[i] * b[i];
        }
        return dot / Math.sqrt(aa * bb);
    }

    private static double norm(float[] vector) {
        double sum = 0;
        for (float value : vector) {
            sum += (double) value * value;
        }
        return Math.sqrt(sum);
    }

    @Test
    void sameVectorsAsOnnxRuntime() throws Exception {
        try (OnnxMiniLm onnx = new OnnxMiniLm(folder)) {
            for (int i = 0; i < TEXTS.length; i++) {
                assertEquals(MiniLm.WIDTH, vectors[i].length);
                assertEquals(1, norm(vectors[i]), 1e-6);
                double cosine = cosine(onnx.embed(TEXTS[i]), vectors[i]);
                assertTrue(cosine >= 0.99999, cosine + " for " + TEXTS[i]);
            }
        }
    }

    @Test
    void halfPrecisionIsClose() throws Exception {
        String[] texts = Arrays.copyOf(TEXTS, 20);
        float[][] half = vectors(texts, "float16");
        try (OnnxMiniLm onnx = new OnnxMiniLm(folder)) {
            for (int i = 0; i < texts.length; i++) {
                double cosine = cosine(onnx.embed(texts[i]), half[i]);
                assertTrue(cosine >= 0.999 && cosine < 0.99999999, cosine + " for " + texts[i]);
            }
        }
    }

    private static float[][] vectors(String[] texts, String dataType) throws Exception {
        try (ZooModel<String[], float[][]> model = load(String[].class, float[][].class, dataType);
                Predictor<String[], float[][]> predictor = model.newPredictor()) {
            return predictor.predict(texts);
        }
    }

    @Test
    void oneTextIsAsOneOfMany() throws Exception {
        try (ZooModel<String, float[]> model = load(String.class, float[].class, "float32");
                Predictor<String, float[]> predictor = model.newPredictor()) {
            for (int i = 0; i < TEXTS.length; i += 16) {
                assertArrayEquals(vectors[i], predictor.predict(TEXTS[i]), 1e-5f);
            }
        }
    }

    @Test
    void meaningCounts() throws Exception {
        String[] texts = {
            "How do I reset my password?",
            "I forgot my login credentials and need new ones.",
            "The recipe needs two eggs and some flour."
        };
        float[][] three = vectors(texts, "float32");
        assertTrue(dot(three[0], three[1]) > 0.4, "alike: " + dot(three[0], three[1]));
        assertTrue(dot(three[0], three[2]) < 0.1, "unlike: " + dot(three[0], three[2]));
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }

    @Test
    void eightThreadsAreAsOne() throws Exception {
        try (ZooModel<String, float[]> model = load(String.class, float[].class, "float32")) {
            List<float[]> expected = everyTenth(model);
            ExecutorService threads = Executors.newFixedThreadPool(8);
            try {
                List<Future<List<float[]>>> results = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    results.add(threads.submit(() -> everyTenth(model)));
                }
                for (Future<List<float[]>> result : results) {
                    for (int i = 0; i < expected.size(); i++) {
                        assertArrayEquals(expected.get(i), result.get().get(i));
                    }
                }
            } finally {
                threads.shutdownNow();
            }
        }
    }

    private static List<float[]> everyTenth(ZooModel<String, float[]> model) throws Exception {
        try (Predictor<String, float[]> predictor = model.newPredictor()) {
            List<float[]> results = new ArrayList<>();
            for (int i = 0; i < TEXTS.length; i += 10) {
                results.add(predictor.predict(TEXTS[i]));
            }
            return results;
        }
    }
}
