package org.djlflash.examples.bench;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.initializer.NormalInitializer;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import org.djlflash.zoo.Activation;
import org.djlflash.zoo.decoder.DecoderBlock;
import org.djlflash.zoo.decoder.DecoderConfig;
import org.djlflash.zoo.decoder.DecoderModel;
import org.djlflash.zoo.gpt2.Gpt2Block;
import org.djlflash.zoo.gpt2.Gpt2Config;
import org.djlflash.zoo.llama.LlamaBlock;
import org.djlflash.zoo.llama.LlamaConfig;
import org.djlflash.zoo.llama.RotaryScaling;
import org.djlflash.zoo.llama.RotarySettings;

/** The models whose generation is measured, of well-known sizes and random weights. */
public enum GenerationModel {
    /** GPT-2 small: 124 million parameters. */
    GPT2 {
        @Override
        DecoderBlock block() {
            return new Gpt2Block(
                    new Gpt2Config(
                            50257,
                            1024,
                            768,
                            12,
                            12,
                            3072,
                            Activation.GELU_TANH,
                            1e-5,
                            0,
                            0,
                            0,
                            true,
                            false,
                            true,
                            OptionalInt.empty(),
                            List.of()));
        }
    },
    /** Llama 3 with 8 billion parameters. */
    LLAMA {
        @Override
        DecoderBlock block() {
            return new LlamaBlock(
                    new LlamaConfig(
                            128256,
                            65536,
                            4096,
                            14336,
                            32,
                            32,
                            8,
                            128,
                            1e-5,
                            new RotarySettings(500000, new RotaryScaling.None()),
                            false,
                            false,
                            0,
                            false,
                            List.of()));
        }
    };

    private static final float DEVIATION = 0.02f;
    private static final int ELEMENT_BYTES = 2;

    abstract DecoderBlock block();

    /**
     * Makes the model on a device.
     *
     * @param manager the owner of the weights, closed with the model
     * @return the model, in FLOAT16
     */
    DecoderModel<DecoderBlock> create(NDManager manager) {
        DecoderBlock block = block();
        block.setInitializer(new NormalInitializer(DEVIATION), Parameter.Type.WEIGHT);
        block.initialize(manager, DataType.FLOAT16, new Shape(1, 1));
        return new DecoderModel<>(block, manager);
    }

    /**
     * The bytes of the weights that a step reads in full: of the tokens' vectors, a row is read.
     */
    static long weightBytes(DecoderBlock block) {
        DecoderConfig config = block.config();
        long table = (long) config.vocabularySize() * config.embeddingSize();
        long all =
                block.getParameters().values().stream()
                        .mapToLong(parameter -> parameter.getArray().size())
                        .sum();
        return ELEMENT_BYTES * (config.tieWordEmbeddings() ? all : all - table);
    }

    /** The bytes of keys and values that a step reads. */
    static long cacheBytes(DecoderConfig config, DecodeCase c) {
        return config.layers() * c.bytes(config.keyValueHeads(), config.headSize(), ELEMENT_BYTES);
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
