package org.djlflash.examples.train;

import java.io.IOException;
import java.nio.file.Path;
import org.djlflash.zoo.gpt2.Gpt2;
import org.djlflash.zoo.gpt2.Gpt2Block;

/** Writes Hugging Face folders. */
public final class Gpt2Folder {

    private Gpt2Folder() {}

    /**
     * Writes a block's weights, with all else from the folder that it came from.
     *
     * @param block the block
     * @param origin the folder that the block was loaded from
     * @param target an empty folder
     * @throws IOException if a file cannot be copied or written
     */
    public static void write(Gpt2Block block, Path origin, Path target) throws IOException {
        ModelFiles.copy(origin, target, config -> {});
        Gpt2.saveWeights(block, target);
    }
}
