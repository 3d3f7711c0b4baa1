package org.djlflash.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FineTuneBertCommandTest {

    @TempDir private Path folder;

    private Run run(String... options) {
        List<String> args = new ArrayList<>(List.of("fine-tune-bert", "--device", "cpu"));
        args.addAll(List.of("--out", folder.resolve("tuned").toString()));
        args.addAll(List.of(options));
        return Run.of(args.toArray(new String[0]));
    }

    private String data(String content) throws IOException {
        return Files.writeString(folder.resolve("data.tsv"), content).toString();
    }

    /** Two labels that a word tells apart, so that few steps are enough. */
    private String easyData() throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 40; i++) {
            lines.append("sea\tthe fish swims in water, day ").append(i).append('\n');
            lines.append("land\tthe horse runs, day ").append(i).append(" of the year\n");
        }
        return data(lines.toString());
    }

    @Test
    void learnsAndSaves() throws IOException {
        Run run = run("--data", easyData(), "--steps", "30", "--every", "10", "--json");
        JsonNode json = run.json();
        assertTrue(
                json.get("loss_after").asDouble() < json.get("loss_before").asDouble(),
                json.toString());
        assertTrue(json.get("accuracy_after").asDouble() > 0.9, json.toString());
        assertEquals(30, json.get("step_losses").size());
        assertEquals("[\"land\",\"sea\"]", json.get("labels").toString());
        assertEquals(64, json.get("training_texts").asInt());
        assertEquals(16, json.get("held_out_texts").asInt());
        assertEquals(0, json.get("cut_texts").asInt());
        assertTrue(run.err().contains("Training"), run.err());
        Path saved = Path.of(json.get("folder").asText());
        assertTrue(json.get("f1_after").asDouble() > 0.9, json.toString());
        JsonNode config = new ObjectMapper().readTree(saved.resolve("config.json").toFile());
        assertEquals("land", config.get("id2label").get("0").asText());
        assertTrue(Files.size(saved.resolve("model.safetensors")) > 1_000_000);
        assertTrue(Files.exists(saved.resolve("tokenizer.json")));
        List<String> table = Files.readAllLines(saved.resolve("training.csv"));
        assertEquals("step,loss,held_out_loss", table.get(0));
        assertEquals(32, table.size());
        assertNotNull(ImageIO.read(saved.resolve("training.png").toFile()));
        assertFalse(Files.exists(folder.resolve("tuned.checkpoint")));
    }

    @Test
    void saysInLinesHowTheLossFalls() {
        Run run = run("--steps", "2").assertSuccess();
        assertTrue(run.out().contains("400 texts to train on, 100 held out"), run.out());
        assertTrue(run.out().contains("steps   2 to   2: loss "), run.out());
        assertTrue(run.out().contains("before: "), run.out());
        assertTrue(run.out().contains("after: "), run.out());
    }

    @Test
    void saysThatTextsWereTooLong() throws IOException {
        String text = "a\t" + "word ".repeat(200) + "\nb\tword\n";
        Run run = run("--data", data(text.repeat(3)), "--steps", "1").assertSuccess();
        assertTrue(run.out().contains("3 texts are too long"), run.out());
    }

    @Test
    void trainsWhatItHasTrained() throws IOException {
        run("--data", easyData(), "--steps", "2").assertSuccess();
        Files.move(folder.resolve("tuned"), folder.resolve("first"));
        String first = folder.resolve("first").toString();
        Run run = run("--model", first, "--data", easyData(), "--steps", "1", "--max-tokens", "8");
        run.assertSuccess();
        assertTrue(run.out().contains("texts are too long"), run.out());
    }

    @Test
    void refusesToResumeWhatIsNotThere() {
        run("--resume").assertRefused(1, "--resume: there is no checkpoint");
    }

    @Test
    void refusesToForgetAnInterruptedTraining() throws IOException {
        Path checkpoint = Files.createDirectory(folder.resolve("tuned.checkpoint"));
        Files.writeString(checkpoint.resolve("state"), "precious");
        run().assertRefused(1, "was interrupted, allowed are --resume");
    }

    @ParameterizedTest
    @CsvSource({
        "'a\tb\nc d\n', line 2 has 0 tabs",
        "'a\tb\nc\td\te\n', line 2 has 2 tabs",
        "'a\tb\n\nc\td\n', line 2 has 0 tabs",
        "'\tb\n', line 1 has no label",
        "'a\tb\nc\t \n', line 2 has no text",
        "'a\tb\nc\td\n', '2 lines, allowed is 5 or more'",
        "'a\tb\na\tb\na\tb\na\tb\na\tb\n', 'label a, allowed are 2 labels or more'",
        "' ', empty",
    })
    void refusesData(String content, String message) throws IOException {
        String file = data(content);
        run("--data", file).assertRefused(1, "--data " + file + ": ", message);
        assertFalse(Files.exists(folder.resolve("tuned")));
    }

    @Test
    void refusesWhatIsNotUtf8() throws IOException {
        Path file = Files.write(folder.resolve("data"), new byte[] {'a', '\t', (byte) 0xe4, '\n'});
        run("--data", file.toString()).assertRefused(1, "--data " + file + ": not UTF-8");
    }

    @Test
    void refusesAFolderThatIsTaken() throws IOException {
        Files.writeString(folder.resolve("tuned"), "precious");
        run().assertRefused(1, "--out " + folder.resolve("tuned"), "exists already");
    }
}
