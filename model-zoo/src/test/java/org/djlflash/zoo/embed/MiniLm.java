package org.djlflash.zoo.embed;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/**
 * The sentence embedder all-MiniLM-L6-v2, a BERT of 22 million parameters in FLOAT32, as a Hugging
 * Face folder: its weights come out of an ONNX file that another project keeps in a jar.
 */
final class MiniLm {

    static final int WIDTH = 384;
    static final int MAX_TOKENS = 256;

    private MiniLm() {}

    static byte[] onnx() throws IOException {
        return resource("all-minilm-l6-v2.onnx");
    }

    private static byte[] resource(String name) throws IOException {
        try (InputStream stream = MiniLm.class.getResourceAsStream("/" + name)) {
            return Objects.requireNonNull(stream, name).readAllBytes();
        }
    }

    static Path write(Path folder) throws IOException {
        Files.write(folder.resolve("tokenizer.json"), resource("all-minilm-l6-v2-tokenizer.json"));
        Files.writeString(
                folder.resolve("config.json"),
                """
                {"model_type":"bert","vocab_size":30522,"max_position_embeddings":512,
                "hidden_size":384,"num_hidden_layers":6,"num_attention_heads":12,
                "intermediate_size":1536,"hidden_act":"gelu","layer_norm_eps":1e-12}
                """);
        Files.writeString(
                folder.resolve("modules.json"),
                """
                [{"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"},
                {"idx":1,"name":"1","path":"1_Pooling",
                "type":"sentence_transformers.models.Pooling"},
                {"idx":2,"name":"2","path":"2_Normalize",
                "type":"sentence_transformers.models.Normalize"}]
                """);
        Files.writeString(
                folder.resolve("sentence_bert_config.json"),
                "{\"max_seq_length\":" + MAX_TOKENS + ",\"do_lower_case\":false}");
        Files.writeString(
                Files.createDirectory(folder.resolve("1_Pooling")).resolve("config.json"),
                """
                {"word_embedding_dimension":384,"pooling_mode_cls_token":false,
                "pooling_mode_mean_tokens":true,"pooling_mode_max_tokens":false,
                "pooling_mode_mean_sqrt_len_tokens":false}
                """);
        writeWeights(ModelProto.parseFrom(onnx()).getGraph(), folder);
        return folder;
    }

    private static void writeWeights(GraphProto graph, Path folder) throws IOException {
        Map<String, String> matrices = matrices(graph);
        try (NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
                OutputStream stream = Files.newOutputStream(folder.resolve("model.safetensors"))) {
            NDList weights = new NDList();
            for (TensorProto tensor : graph.getInitializerList()) {
                if (tensor.getDataType() != TensorProto.DataType.FLOAT.getNumber()) {
                    continue;
                }
                NDArray array = array(tensor, manager);
                String matrix = matrices.get(tensor.getName());
                if (matrix != null) {
                    NDArray turned = array.transpose();
                    array = turned.flatten().reshape(turned.getShape());
                }
                array.setName(matrix == null ? tensor.getName() : matrix);
                weights.add(array);
            }
            weights.encode(stream, NDList.Encoding.SAFETENSORS);
        }
    }

    /**
     * Matrices have lost their names, and are transposed; the products that use them tell: {@code
     * /encoder/layer.0/intermediate/dense/MatMul}.
     */
    private static Map<String, String> matrices(GraphProto graph) {
        Map<String, String> names = new HashMap<>();
        for (NodeProto node : graph.getNodeList()) {
            if (node.getOpType().equals("MatMul")) {
                String path = node.getName().replaceFirst("^/", "").replaceFirst("/MatMul$", "");
                names.put(node.getInput(1), path.replace('/', '.') + ".weight");
            }
        }
        return names;
    }

    private static NDArray array(TensorProto tensor, NDManager manager) {
        FloatBuffer values =
                tensor.getRawData()
                        .asReadOnlyByteBuffer()
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .asFloatBuffer();
        float[] copy = new float[values.remaining()];
        values.get(copy);
        long[] sizes = tensor.getDimsList().stream().mapToLong(Long::longValue).toArray();
        return manager.create(copy, new Shape(sizes));
    }
}
