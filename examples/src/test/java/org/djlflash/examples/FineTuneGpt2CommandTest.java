package org.djlflash.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.djlflash.examples.train.SampleSentences;
import org.djlflash.zoo.provider.EmbeddedModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FineTuneGpt2CommandTest {

    @TempDir private Path folder;

    private Run run(String out, String... options) {
        List<String> args = new ArrayList<>(List.of("fine-tune-gpt2", "--device", "cpu"));
        args.addAll(List.of("--out", folder.resolve(out).toString()));
        args.addAll(List.of(options));
        return Run.of(args.toArray(new String[0]));
    }

    private Run runSmall(String out, String steps, String seed) throws IOException {
        Path text = folder.resolve("sentences");
        Files.write(text, SampleSentences.text().lines().limit(40).toList());
        return run(
                out,
                "--text",
                text.toString(),
                "--window",
                "24",
                "--steps",
                steps,
                "--seed",
                seed,
                "--json");
    }

    @Test
    void learnsAndSavesAModelThatGenerates() throws IOException {
        Run run = runSmall("tuned", "6", "1");
        JsonNode json = run.json();
        double before = json.get("loss_before").asDouble();
        double after = json.get("loss_after").asDouble();
        assertTrue(after < before - 1, json.toString());
        assertEquals(6, json.get("step_losses").size());
        assertEquals("cpu", json.get("device").asText());
        assertTrue(run.err().contains("Training"), run.err());

        Path saved = folder.resolve("tuned");
        assertEquals(saved.toString(), json.get("folder").asText());
        assertEquals(
                "float32",
                new ObjectMapper()
                        .readTree(saved.resolve("config.json").toFile())
                        .get("dtype")
                        .asText());
        String ids = "296,259,410,387,321";
        String tuned = generate("--ids", ids, "--model", saved.toString());
        assertNotEquals(generate("--ids", ids), tuned);

        // Trained further from where it was: what it had learnt is the start.
        JsonNode further =
                run(
                                "further",
                                "--model",
                                saved.toString(),
                                "--text",
                                folder.resolve("sentences").toString(),
                                "--window",
                                "24",
                                "--steps",
                                "1",
                                "--json")
                        .json();
        assertEquals(after, further.get("loss_before").asDouble(), 1e-5 * after);
    }

    private static String generate(String... options) throws IOException {
        List<String> args = new ArrayList<>(List.of("generate", "--json", "--device", "cpu"));
        args.addAll(List.of(options));
        return Run.of(args.toArray(new String[0])).json().get("new_ids").toString();
    }

    @Test
    void theSeedChoosesBatchesAndDropout() throws IOException {
        JsonNode losses = runSmall("a", "2", "1").json().get("step_losses");
        JsonNode again = runSmall("b", "2", "1").json().get("step_losses");
        JsonNode other = runSmall("c", "2", "2").json().get("step_losses");
        for (int i = 0; i < losses.size(); i++) {
            assertEquals(losses.get(i).asDouble(), again.get(i).asDouble(), 1e-4);
        }
        assertNotEquals(losses.get(0), other.get(0));
    }

    @Test
    void saysInLinesHowTheLossFalls() throws IOException {
        Path text = folder.resolve("text");
        Files.writeString(text, "The quick robot jumps over the lazy engineer.\n".repeat(20));
        Run run =
                run("tuned", "--text", text.toString(), "--steps", "3", "--window", "16")
                        .assertSuccess();
        assertTrue(run.out().contains("held-out text before: "), run.out());
        assertTrue(run.out().contains("steps   3 to   3: loss "), run.out());
        assertTrue(run.out().contains("held-out text after: "), run.out());
        assertTrue(run.out().contains("generate --model " + folder.resolve("tuned")), run.out());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "1 | --steps 0 | 0 steps, allowed is 1 or more",
                "1 | --batch-size 0 | batch size 0, allowed is 1 or more",
                "1 | --learning-rate 0 | learning rate 0.0, allowed is more than 0",
                "1 | --learning-rate NaN | learning rate NaN, allowed is more than 0",
                "1 | --window 1 | window of 1 tokens, allowed is 2 or more",
                "1 | --window 513 | window of 513 tokens, allowed is 2 to 512",
                "2 | --steps many | 'many' is not an int",
                "1 | --text no/such/file | --text no/such/file: not a file",
            })
    void refuses(int code, String options, String message) {
        run("tuned", options.split(" ")).assertRefused(code, message);
        assertFalse(Files.exists(folder.resolve("tuned")));
    }

    @Test
    void refusesShortTexts() throws IOException {
        Path text = Files.writeString(folder.resolve("text"), "Two words\n");
        run("tuned", "--text", text.toString())
                .assertRefused(1, "--text " + text, "allowed is at least two windows of 64");
    }

    @Test
    void refusesAFolderThatIsTaken() throws IOException {
        Files.createDirectory(folder.resolve("taken"));
        Files.writeString(folder.resolve("taken/file"), "precious");
        run("taken").assertRefused(1, "--out " + folder.resolve("taken"), "exists already");
    }

    @Test
    void refusesAModelWithoutTokenizer() throws IOException {
        Path model = Files.createDirectory(folder.resolve("model"));
        try (Stream<Path> files = Files.list(EmbeddedModel.unpack())) {
            for (Path file : files.filter(f -> !f.endsWith("tokenizer.json")).toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
        run("tuned", "--model", model.toString())
                .assertRefused(1, "--model " + model, "no tokenizer.json");
    }
}
