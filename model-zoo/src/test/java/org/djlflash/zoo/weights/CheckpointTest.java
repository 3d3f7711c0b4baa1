package org.djlflash.zoo.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.djlflash.zoo.SharedModels;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointTest {

    private static final String ONE = "model-00001-of-00002.safetensors";
    private static final String TWO = "model-00002-of-00002.safetensors";

    @TempDir Path parent;

    @Test
    void readsASingleFile() throws Exception {
        new SafetensorsBytes().f32("a", "[2]", 1, 2).write(file("model.safetensors"));
        try (Checkpoint checkpoint = Checkpoint.open(folder())) {
            assertEquals(Set.of("a"), checkpoint.tensors().keySet());
            assertArrayEquals(new float[] {1, 2}, read(checkpoint, "a"));
            assertThrows(IllegalArgumentException.class, () -> read(checkpoint, "b"));
        }
    }

    @Test
    void prefersTheSingleFileToAnIndex() throws Exception {
        new SafetensorsBytes().f32("a", "[1]", 1).write(file("model.safetensors"));
        index("{\"weight_map\":{\"a\":\"../x\"}}");
        Checkpoint.open(folder()).close();
    }

    @Test
    void readsShards() throws Exception {
        shards();
        index(weightMap("a", ONE, "b", TWO, "c", TWO));
        try (Checkpoint checkpoint = Checkpoint.open(folder())) {
            assertEquals(List.of("a", "b", "c"), List.copyOf(checkpoint.tensors().keySet()));
            assertArrayEquals(new float[] {1}, read(checkpoint, "a"));
            assertArrayEquals(new float[] {3}, read(checkpoint, "c"));
        }
    }

    @Test
    void offersTensorsThatTheIndexForgot() throws Exception {
        shards();
        index(weightMap("a", ONE, "b", TWO));
        try (Checkpoint checkpoint = Checkpoint.open(folder())) {
            assertArrayEquals(new float[] {3}, read(checkpoint, "c"));
        }
    }

    @Test
    void refusesToReadWhenClosed() throws Exception {
        shards();
        index(weightMap("a", ONE, "b", TWO));
        Checkpoint checkpoint = Checkpoint.open(folder());
        checkpoint.close();
        assertThrows(IllegalStateException.class, () -> read(checkpoint, "a"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../x.safetensors",
                "sub/x.safetensors",
                "..\\\\x.safetensors",
                "/etc/x.safetensors",
                "https://host/x.safetensors",
                "C:x.safetensors",
                "..",
                "",
                ".safetensors",
                "x.bin",
                "x.safetensors\\u0000"
            })
    void opensPlainNamesOnly(String name) throws Exception {
        new SafetensorsBytes().f32("a", "[1]", 1).write(parent.resolve("x.safetensors"));
        shards();
        index(weightMap("a", name));
        refused("plain name");
    }

    @Test
    void refusesIndexesThatDoNotMatch() throws Exception {
        shards();
        index(weightMap("a", TWO, "b", TWO));
        refused("says that \"a\" is in " + TWO);
        index(weightMap("a", ONE, "x", TWO));
        refused("says that \"x\" is in " + TWO);
        index(weightMap("a", ONE, "b", "model-00003.safetensors"));
        refused("model-00003.safetensors is missing");
        new SafetensorsBytes().f32("a", "[1]", 2).write(file(TWO));
        index(weightMap("a", ONE));
        Checkpoint.open(folder()).close();
        new SafetensorsBytes().f32("a", "[1]", 2).f32("b", "[1]", 2).write(file(TWO));
        index(weightMap("a", ONE, "b", TWO));
        refused("\"a\" is in two files");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "{}",
                "{\"weight_map\":[]}",
                "{\"weight_map\":{\"a\":1}}",
                "{\"weight_map\":{\"a\":\"x.safetensors\",\"a\":\"x.safetensors\"}}"
            })
    void refusesTextThatIsNotAnIndex(String text) throws Exception {
        index(text);
        refused("model.safetensors.index.json");
    }

    @Test
    void followsLinksInsideOnly() throws Exception {
        Path outside =
                new SafetensorsBytes().f32("a", "[1]", 1).write(parent.resolve("out.safetensors"));
        Path inside = new SafetensorsBytes().f32("a", "[1]", 1).write(file("in.safetensors"));
        Path link = file("model.safetensors");
        Files.createSymbolicLink(link, inside);
        Checkpoint.open(folder()).close();
        Files.delete(link);
        Files.createSymbolicLink(link, outside);
        refused("leads out of the model folder");
        Files.delete(link);
        Files.createSymbolicLink(file(ONE), outside);
        index(weightMap("a", ONE));
        refused("leads out of the model folder");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"pytorch_model.bin", "model.pt", "model.PTH", "weights.pkl", "last.ckpt"})
    void refusesPickles(String name) throws Exception {
        Files.write(file(name), new byte[9]);
        refused("safetensors only: found " + name);
    }

    @Test
    void refusesFoldersWithoutWeights() throws Exception {
        Files.createFile(file("config.json"));
        refused("no weights");
        MalformedModelException e =
                assertThrows(
                        MalformedModelException.class,
                        () -> Checkpoint.open(parent.resolve("absent")));
        assertEquals("absent is not a folder", e.getMessage());
    }

    @Test
    void opensAModel() throws Exception {
        try (Checkpoint checkpoint = Checkpoint.open(SharedModels.folder("gpt2-kjv-6m"))) {
            assertTrue(checkpoint.tensors().containsKey("transformer.wte.weight"));
        }
    }

    private void shards() throws IOException {
        new SafetensorsBytes().f32("a", "[1]", 1).write(file(ONE));
        new SafetensorsBytes().f32("b", "[1]", 2).f32("c", "[1]", 3).write(file(TWO));
    }

    private void index(String text) throws IOException {
        Files.writeString(file("model.safetensors.index.json"), text);
    }

    private static String weightMap(String... entries) {
        StringBuilder text = new StringBuilder("{\"metadata\":{\"total_size\":1},\"weight_map\":{");
        for (int i = 0; i < entries.length; i += 2) {
            text.append(i == 0 ? "" : ",")
                    .append(String.format("\"%s\":\"%s\"", entries[i], entries[i + 1]));
        }
        return text.append("}}").toString();
    }

    private void refused(String part) {
        MalformedModelException e =
                assertThrows(
                        MalformedModelException.class, () -> Checkpoint.open(folder()).close());
        assertTrue(e.getMessage().contains(part), e.getMessage());
        assertFalse(e.getMessage().contains(parent.toString()), e.getMessage());
    }

    private Path folder() throws IOException {
        return Files.createDirectories(parent.resolve("model"));
    }

    private Path file(String name) throws IOException {
        return folder().resolve(name);
    }

    private static float[] read(Checkpoint checkpoint, String tensor)
            throws IOException, MalformedModelException {
        try (NDManager manager = NDManager.newBaseManager()) {
            return checkpoint.read(manager, tensor, DataType.FLOAT32).toFloatArray();
        }
    }
}
