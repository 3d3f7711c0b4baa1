package org.djlflash.zoo.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.inference.Predictor;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.util.ZipUtils;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.djlflash.zoo.bert.TinyBert;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Folders with {@code serving.properties}, loaded as DJL Serving does it. */
class ServingFolderTest {

    private static final String PROMPT = "{\"inputs\":\"And the king said unto\"}";
    private static final String TEXT = "{\"generated_text\":\" him, Behold, I will send\"}";

    @TempDir Path parent;

    private Path folder() throws IOException {
        return Files.createDirectories(parent.resolve("model"));
    }

    private Path generator() throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(EmbeddedModel.unpack())) {
            for (Path file : files) {
                Files.copy(file, folder().resolve(file.getFileName()));
            }
        }
        Files.writeString(
                folder().resolve("serving.properties"),
                "maxNewTokens=7\n",
                StandardOpenOption.APPEND);
        return folder();
    }

    private Path properties(String kind, String more) throws IOException {
        Files.writeString(
                folder().resolve("serving.properties"),
                """
                engine=PyTorch
                option.hasParameter=false
                blockFactory=org.djlflash.zoo.provider.%sBlockFactory
                translatorFactory=org.djlflash.zoo.provider.%sTranslatorFactory
                %s
                """
                        .formatted(kind, kind, more));
        return folder();
    }

    /** What DJL Serving asks for. */
    private static String ask(String url, String json) throws Exception {
        Criteria<Input, Output> criteria =
                Criteria.builder()
                        .setTypes(Input.class, Output.class)
                        .optModelUrls(url)
                        .optEngine("PyTorch")
                        .optDevice(Device.cpu())
                        .build();
        try (ZooModel<Input, Output> model = criteria.loadModel();
                Predictor<Input, Output> predictor = model.newPredictor()) {
            return EncoderTasksTest.answer(predictor, json);
        }
    }

    @Test
    void generatesFromAFolder() throws Exception {
        assertEquals(TEXT, ask(generator().toUri().toString(), PROMPT));
    }

    @Test
    void generatesFromAZip() throws Exception {
        Path zip = parent.resolve("model.zip");
        ZipUtils.zip(generator(), zip, false);
        assertEquals(TEXT, ask(zip.toUri().toString(), PROMPT));
    }

    @Test
    void embeds() throws Exception {
        TinyBert.write(folder(), true);
        String url = properties("TextEmbedding", "pooling=cls").toUri().toString();
        JsonNode vector = new ObjectMapper().readTree(ask(url, "{\"inputs\":\"the king\"}"));
        assertEquals(TinyBert.WIDTH, vector.size());
        assertTrue(vector.get(0).isNumber(), vector.toString());
    }

    @Test
    void fillsMasks() throws Exception {
        TinyBert.writeMasked(folder(), true);
        String url = properties("FillMask", "maskToken=light\ntopK=2").toUri().toString();
        JsonNode words = new ObjectMapper().readTree(ask(url, "{\"inputs\":\"the light\"}"));
        assertEquals(2, words.size());
    }

    @Test
    void classifies() throws Exception {
        TinyBert.writeClassifier(folder(), "\"id2label\":{\"0\":\"no\",\"1\":\"yes\"}");
        String url = properties("TextClassification", "").toUri().toString();
        JsonNode lists = new ObjectMapper().readTree(ask(url, "{\"inputs\":[\"go\",\"see\"]}"));
        assertEquals(2, lists.size());
        assertEquals(2, lists.get(1).size());
    }

    @Test
    void generatesFromTheZoo() throws Exception {
        assertEquals(TEXT, ask("djlflash://gpt2-kjv-6m?maxNewTokens=7", PROMPT));
        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> ask("djlflash://gpt-4", PROMPT));
        assertEquals("djlflash://gpt-4, allowed is djlflash://gpt2-kjv-6m", e.getMessage());
    }
}
