package org.djlflash.zoo.embed;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** The same model as ONNX Runtime computes it, one text at a time, pooled in double precision. */
final class OnnxMiniLm implements AutoCloseable {

    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession session;
    private final HuggingFaceTokenizer tokenizer;

    OnnxMiniLm(Path folder) throws IOException, OrtException {
        session = environment.createSession(MiniLm.onnx());
        tokenizer =
                HuggingFaceTokenizer.builder()
                        .optTokenizerPath(folder.resolve("tokenizer.json"))
                        .optMaxLength(MiniLm.MAX_TOKENS)
                        .optTruncation(true)
                        .optPadding(false)
                        .build();
    }

    double[] embed(String text) throws OrtException {
        Encoding encoding = tokenizer.encode(text);
        try (OnnxTensor ids = tensor(encoding.getIds());
                OnnxTensor types = tensor(encoding.getTypeIds());
                OnnxTensor mask = tensor(encoding.getAttentionMask());
                OrtSession.Result result =
                        session.run(
                                Map.of(
                                        "input_ids", ids,
                                        "token_type_ids", types,
                                        "attention_mask", mask))) {
            float[][] hidden = ((float[][][]) result.get(0).getValue())[0];
            double[] sum = new double[hidden[0].length];
            for (float[] token : hidden) {
                for (int i = 0; i < sum.length; i++) {
                    sum[i] += token[i];
                }
            }
            return sum;
        }
    }

    private OnnxTensor tensor(long[] row) throws OrtException {
        return OnnxTensor.createTensor(environment, new long[][] {row});
    }

    @Override
    public void close() throws OrtException {
        tokenizer.close();
        session.close();
    }
}
