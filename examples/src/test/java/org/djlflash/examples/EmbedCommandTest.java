package org.djlflash.examples;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.djlflash.zoo.bert.Bert;
import org.djlflash.zoo.bert.TinyBert;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbedCommandTest {

    @TempDir static Path folder;

    @BeforeAll
    static void write() throws IOException {
        TinyBert.write(folder, true);
    }

    private static Run embed(String... arguments) {
        String[] first = {"embed", "--model", folder.toString(), "--device", "cpu"};
        return Run.of(Stream.of(first, arguments).flatMap(Stream::of).toArray(String[]::new));
    }

    private static List<JsonNode> lines(Run run) throws IOException {
        List<JsonNode> nodes = new ArrayList<>();
        for (String line : run.assertSuccess().out().lines().toList()) {
            nodes.add(new ObjectMapper().readTree(line));
        }
        return nodes;
    }

    private static float[] vector(JsonNode json) {
        float[] vector = new float[json.get("embedding").size()];
        for (int i = 0; i < vector.length; i++) {
            vector[i] = json.get("embedding").get(i).floatValue();
        }
        return vector;
    }

    @Test
    void anObjectForEachText() throws IOException {
        List<JsonNode> lines =
                lines(embed("--text", "the king", "--text", "go out and see", "--json"));
        assertEquals(2, lines.size());
        JsonNode first = lines.get(0);
        assertEquals("the king", first.get("text").asText());
        assertEquals("[2,4,5,3]", first.get("ids").toString());
        assertEquals("mean", first.get("pooling").asText());
        assertEquals("false", first.get("normalized").asText());
        assertEquals("cpu", first.get("device").asText());
        assertEquals("float32", first.get("dtype").asText());
        assertEquals(TinyBert.WIDTH, vector(first).length);
        JsonNode ids = embed("--ids", "2,4,5,3", "--json").json();
        assertArrayEquals(vector(first), vector(ids), 1e-6f);
    }

    @Test
    void poolerOfIdsAndTypes() throws Exception {
        JsonNode json =
                embed("--ids", "2,7,3", "--types", "0,1,1", "--pooling", "pooler", "--json").json();
        try (NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
                Bert bert = Bert.load(folder, Device.cpu(), DataType.FLOAT32, null)) {
            NDList inputs =
                    new NDList(
                            manager.create(new long[][] {{2, 7, 3}}),
                            manager.create(new long[][] {{0, 1, 1}}));
            assertArrayEquals(bert.encode(inputs).get(1).toFloatArray(), vector(json), 1e-6f);
        }
    }

    @Test
    void normalizesIfAskedFor() throws IOException {
        double sum = 0;
        for (float value : vector(embed("--ids", "2,7,3", "--normalize", "--json").json())) {
            sum += value * value;
        }
        assertEquals(1, sum, 1e-6);
        JsonNode half = embed("--ids", "2,7,3", "--dtype", "float16", "--json").json();
        JsonNode single = embed("--ids", "2,7,3", "--no-normalize", "--json").json();
        assertArrayEquals(vector(single), vector(half), 1e-2f);
    }

    @Test
    void linesForPeople() {
        Run run = embed("--text", "the king", "--pooling", "cls").assertSuccess();
        List<String> lines = run.out().lines().toList();
        assertEquals("the king", lines.get(0));
        assertTrue(lines.get(1).startsWith("  cls of 4 tokens, 8 numbers: "), run.out());
    }

    @Test
    void whatIsWrongIsSaid(@TempDir Path other) throws IOException {
        embed().assertRefused(2, "--text", "--ids");
        embed("--text", "a", "--ids", "1").assertRefused(2, "--text", "--ids");
        embed("--types", "1").assertRefused(2, "--ids");
        embed("--ids", "1,x").assertRefused(2, "'1,x', allowed are whole numbers");
        embed("--ids", "99").assertRefused(1, "token id 99, allowed is 0 to 13");
        embed("--ids", "1,2", "--types", "0").assertRefused(1, "2 token ids and 1 types");
        embed("--ids", "1", "--pooling", "max").assertRefused(2, "--pooling", "MEAN, CLS, POOLER");
        Run.of("embed", "--ids", "1").assertRefused(2, "--model");
        Run.of("embed", "--ids", "1", "--model", other.toString())
                .assertRefused(1, "--model " + other, "config.json is missing");
        TinyBert.write(other, false);
        Files.delete(other.resolve("tokenizer.json"));
        Run.of("embed", "--text", "a", "--model", other.toString(), "--device", "cpu")
                .assertRefused(1, "no tokenizer.json");
        Run.of("embed", "--ids", "1", "--model", other.toString(), "--pooling", "pooler")
                .assertRefused(1, "the model has no pooler");
    }
}
