package org.djlflash.zoo.bert;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.initializer.NormalInitializer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** A folder with a random BERT of a few thousand parameters, and a tokenizer of a few words. */
public final class TinyBert {

    /** The words of the vocabulary, from id 4 on; 0 to 3 are [PAD], [UNK], [CLS], [SEP]. */
    public static final List<String> WORDS =
            List.of("the", "king", "said", "unto", "them", "go", "out", "and", "see", "light");

    /** The size of the vectors. */
    public static final int WIDTH = 8;

    /** The number of positions. */
    public static final int POSITIONS = 12;

    static final BertConfig CONFIG =
            new BertConfig(4 + WORDS.size(), POSITIONS, 2, WIDTH, 2, 2, 16, 1e-12, 0, 0);

    private TinyBert() {}

    /** Writes the files. */
    public static Path write(Path folder, boolean pooler) throws IOException {
        writeConfig(folder, "");
        try (NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch")) {
            Bert.saveWeights(random(manager, pooler), folder);
        }
        return folder;
    }

    /** Writes the files of one that tells the word behind every token. */
    public static Path writeMasked(Path folder, boolean tied) throws IOException {
        writeConfig(folder, ",\"tie_word_embeddings\":" + tied);
        try (NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch")) {
            random(manager, new BertMaskedLanguageBlock(CONFIG, tied)).saveWeights(folder);
        }
        return folder;
    }

    /** Writes the files of one that tells labels, which are given as keys of the configuration. */
    public static Path writeClassifier(Path folder, String labels)
            throws IOException, MalformedModelException {
        writeConfig(folder, "," + labels);
        try (NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch")) {
            ClassifierConfig config = ClassifierConfig.read(folder, 0);
            random(manager, new BertClassifierBlock(CONFIG, config)).saveWeights(folder);
        }
        return folder;
    }

    static void writeConfig(Path folder, String more) throws IOException {
        Files.writeString(
                folder.resolve("config.json"),
                """
                {"model_type":"bert","vocab_size":%d,"max_position_embeddings":%d,"hidden_size":%d,
                "num_hidden_layers":2,"num_attention_heads":2,"intermediate_size":16,
                "hidden_dropout_prob":0,"attention_probs_dropout_prob":0%s}
                """
                        .formatted(CONFIG.vocabularySize(), POSITIONS, WIDTH, more));
        Files.writeString(folder.resolve("tokenizer.json"), tokenizer());
    }

    static BertBlock random(NDManager manager, boolean pooler) {
        return random(manager, new BertBlock(CONFIG, pooler));
    }

    static <B extends Block> B random(NDManager manager, B block) {
        manager.getEngine().setRandomSeed(5);
        block.setInitializer(new NormalInitializer(0.5f), parameter -> true);
        block.initialize(manager, DataType.FLOAT32, new Shape(1, 1));
        return block;
    }

    /** The tensors of a folder, by name. */
    static Map<String, NDArray> weights(Path folder, NDManager manager) throws IOException {
        try (InputStream stream = Files.newInputStream(folder.resolve("model.safetensors"))) {
            Map<String, NDArray> tensors = new LinkedHashMap<>();
            NDList.decode(manager, stream).forEach(array -> tensors.put(array.getName(), array));
            return tensors;
        }
    }

    static void writeWeights(Map<String, NDArray> tensors, Path folder) throws IOException {
        NDList list = new NDList();
        tensors.forEach(
                (name, array) -> {
                    array.setName(name);
                    list.add(array);
                });
        try (OutputStream stream = Files.newOutputStream(folder.resolve("model.safetensors"))) {
            list.encode(stream, NDList.Encoding.SAFETENSORS);
        }
    }

    private static String tokenizer() {
        String words =
                WORDS.stream()
                        .map(word -> '"' + word + "\":" + (4 + WORDS.indexOf(word)))
                        .collect(Collectors.joining(","));
        return """
        {"version":"1.0","truncation":null,"padding":null,
        "added_tokens":[%s],
        "normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,
        "strip_accents":null,"lowercase":true},
        "pre_tokenizer":{"type":"BertPreTokenizer"},
        "post_processor":{"type":"TemplateProcessing",
        "single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
        {"SpecialToken":{"id":"[SEP]","type_id":0}}],
        "pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],
        "special_tokens":{"[CLS]":{"id":"[CLS]","ids":[2],"tokens":["[CLS]"]},
        "[SEP]":{"id":"[SEP]","ids":[3],"tokens":["[SEP]"]}}},
        "decoder":{"type":"WordPiece","prefix":"##","cleanup":true},
        "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",
        "max_input_chars_per_word":100,
        "vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,%s}}}
        """
                .formatted(special("[PAD]", 0) + ',' + special("[CLS]", 2), words);
    }

    private static String special(String text, int id) {
        return """
        {"id":%d,"content":"%s","single_word":false,"lstrip":false,"rstrip":false,
        "normalized":false,"special":true}
        """
                .formatted(id, text);
    }
}
