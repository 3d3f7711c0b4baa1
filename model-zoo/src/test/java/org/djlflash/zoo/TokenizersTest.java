package org.djlflash.zoo;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.djlflash.zoo.bert.TinyBert;
import org.djlflash.zoo.provider.EmbeddedModel;
import org.djlflash.zoo.provider.FlashModelZoo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokenizers that are missing, broken, or of another model. */
class TokenizersTest {

    @TempDir Path folder;

    @Test
    void encodersCutOffWhatIsTooLong() throws IOException {
        TinyBert.write(folder, false);
        try (HuggingFaceTokenizer tokenizer = Tokenizers.openForEncoder(folder, 5)) {
            assertArrayEquals(
                    new long[] {2, 4, 5, 9, 3}, tokenizer.encode("the king go out").getIds());
        }
        try (HuggingFaceTokenizer tokenizer = Tokenizers.open(folder)) {
            assertArrayEquals(
                    new long[] {4, 5, 9, 10}, tokenizer.encode("the king go out").getIds());
        }
    }

    @Test
    void aMissingFileIsNamed() {
        IOException e = assertThrows(IOException.class, () -> Tokenizers.open(folder));
        assertEquals("no tokenizer.json in the model's folder", e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "[]",
                "{}",
                "{\"model\":{\"type\":\"none\"}}",
                "{\"version\":\"1.0\",\"model\":{\"type\":\"WordPiece\",\"vocab\":[1]}}"
            })
    void refusesWhatIsNotATokenizer(String text) throws IOException {
        Files.writeString(folder.resolve("tokenizer.json"), text);
        IOException e = assertThrows(IOException.class, () -> Tokenizers.open(folder));
        assertTrue(e.getMessage().startsWith("tokenizer.json is not a tokenizer: "), e.toString());
    }

    /** A language model has 4096 tokens, its tokenizer one more. */
    @Test
    void tokensThatTheModelDoesNotHaveAreRefused() throws Exception {
        for (String file : new String[] {"config.json", "model.safetensors", "tokenizer.json"}) {
            Files.copy(EmbeddedModel.unpack().resolve(file), folder.resolve(file));
        }
        Path file = folder.resolve("tokenizer.json");
        String text = Files.readString(file);
        String more =
                """
                "added_tokens":[{"id":4096,"content":"<more>","single_word":false,"lstrip":false,
                "rstrip":false,"normalized":false,"special":false},
                """;
        String changed = text.replaceFirst("\"added_tokens\"\\s*:\\s*\\[", more);
        assertTrue(changed.length() > text.length(), "no added_tokens in tokenizer.json");
        Files.writeString(file, changed);
        try (ZooModel<String, String> model =
                        FlashModelZoo.textGeneration(
                                        Criteria.builder().setTypes(String.class, String.class),
                                        folder)
                                .optDevice(Device.cpu())
                                .optArgument("maxNewTokens", 2)
                                .build()
                                .loadModel();
                Predictor<String, String> predictor = model.newPredictor()) {
            assertEquals(" of the", predictor.predict("In the beginning").substring(0, 7));
            TranslateException e =
                    assertThrows(
                            TranslateException.class, () -> predictor.predict("And <more> to"));
            assertTrue(
                    e.getMessage().contains("token id 4096, allowed is 0 to 4095"), e.toString());
        }
    }
}
