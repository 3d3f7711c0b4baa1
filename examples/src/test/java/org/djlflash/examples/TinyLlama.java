package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.initializer.NormalInitializer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.djlflash.torch.TorchLibrary;
import org.djlflash.zoo.llama.Llama;
import org.djlflash.zoo.llama.LlamaBlock;
import org.djlflash.zoo.llama.LlamaConfig;

/** Writes a Hugging Face folder with a random Llama that knows nine words. */
final class TinyLlama {

    private static final String CONFIG =
            """
            {"model_type": "llama", "vocab_size": 11, "max_position_embeddings": 32,
             "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
             "num_attention_heads": 4, "num_key_value_heads": 2}
            """;

    private static final String TOKENIZER =
            """
            {"version": "1.0", "truncation": null, "padding": null, "normalizer": null,
             "added_tokens": [{"id": 1, "content": "<s>", "single_word": false, "lstrip": false,
                               "rstrip": false, "normalized": false, "special": true}],
             "pre_tokenizer": {"type": "Whitespace"},
             "post_processor": {"type": "TemplateProcessing",
               "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                          {"Sequence": {"id": "A", "type_id": 0}}],
               "pair": [{"Sequence": {"id": "A", "type_id": 0}},
                        {"Sequence": {"id": "B", "type_id": 0}}],
               "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
             "decoder": null,
             "model": {"type": "WordLevel", "unk_token": "<unk>",
               "vocab": {"<unk>": 0, "<s>": 1, "a": 2, "b": 3, "c": 4, "d": 5, "e": 6, "f": 7,
                         "g": 8, "h": 9, "i": 10}}}
            """;

    private TinyLlama() {}

    static void write(Path folder) throws IOException, MalformedModelException {
        Files.writeString(folder.resolve("config.json"), CONFIG);
        Files.writeString(folder.resolve("tokenizer.json"), TOKENIZER);
        try (NDManager manager = NDManager.newBaseManager(Device.cpu(), TorchLibrary.ENGINE)) {
            manager.getEngine().setRandomSeed(3);
            LlamaBlock block = new LlamaBlock(LlamaConfig.read(folder));
            block.setInitializer(new NormalInitializer(0.5f), parameter -> true);
            block.initialize(manager, DataType.FLOAT32, new Shape(1, 1));
            Llama.saveWeights(block, folder);
        }
    }
}
