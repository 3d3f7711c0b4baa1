package org.djlflash.examples.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.util.Pair;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import org.djlflash.torch.GradMode;
import org.djlflash.torch.Tensor;
import org.djlflash.train.FusedAdamW;

/**
 * The folder of a training that is not done: the weights with the lowest held-out loss, and all
 * that is needed to go on. Each file appears whole, so that whoever is killed leaves the one
 * before.
 */
public final class TrainingCheckpoint {

    private static final int VERSION = 1;
    private static final String STATE = "state";
    private static final String BEST = "best";

    /** What follows the name of a file that is being written. */
    private static final String PART = ".part";

    private final Path folder;

    /**
     * Names a folder.
     *
     * @param folder the folder, which need not exist
     */
    public TrainingCheckpoint(Path folder) {
        this.folder = folder;
    }

    /**
     * Tells whether there is one.
     *
     * @return true if a training was interrupted
     */
    public boolean exists() {
        return Files.exists(folder.resolve(STATE));
    }

    /**
     * Removes the folder.
     *
     * @throws IOException if a file cannot be removed
     */
    public void delete() throws IOException {
        for (String name : List.of(STATE, BEST, STATE + PART, BEST + PART)) {
            Files.deleteIfExists(folder.resolve(name));
        }
        Files.deleteIfExists(folder);
    }

    @Override
    public String toString() {
        return folder.toString();
    }

    /** Writes something to a stream. */
    @FunctionalInterface
    private interface Writer {
        void write(DataOutputStream out) throws IOException;
    }

    private void write(String name, Writer writer) throws IOException {
        Files.createDirectories(folder);
        Path part = folder.resolve(name + PART);
        try (OutputStream file = Files.newOutputStream(part);
                DataOutputStream out = new DataOutputStream(new BufferedOutputStream(file))) {
            writer.write(out);
        }
        Files.move(
                part,
                folder.resolve(name),
                StandardCopyOption.ATOMIC_MOVE,
                StandardCopyOption.REPLACE_EXISTING);
    }

    private DataInputStream open(String name) throws IOException {
        return new DataInputStream(
                new BufferedInputStream(Files.newInputStream(folder.resolve(name))));
    }

    /** Keeps the weights as the best ones. */
    void saveBest(Block block) throws IOException {
        write(BEST, out -> writeWeights(block, out));
    }

    /** Gives the block the best weights. */
    void loadBest(Block block) throws IOException {
        try (DataInputStream in = open(BEST)) {
            readWeights(block, in);
        }
    }

    /**
     * Keeps all that is needed to go on.
     *
     * @param kind what must be the same when going on
     */
    void save(String kind, Block block, FusedAdamW optimizer, TrainingCurve curve)
            throws IOException {
        write(
                STATE,
                out -> {
                    out.writeInt(VERSION);
                    out.writeUTF(kind);
                    curve.write(out);
                    writeWeights(block, out);
                    optimizer.save(List.copyOf(trained(block).keySet()), out);
                });
    }

    /** Goes back to where a training was. */
    TrainingCurve load(String kind, Block block, FusedAdamW optimizer) throws IOException {
        try (DataInputStream in = open(STATE)) {
            int version = in.readInt();
            if (version != VERSION) {
                throw new IOException(
                        "checkpoint "
                                + folder
                                + " is of version "
                                + version
                                + ", allowed is "
                                + VERSION);
            }
            String found = in.readUTF();
            if (!found.equals(kind)) {
                throw new IOException(
                        "checkpoint "
                                + folder
                                + " is of another training: "
                                + found
                                + ", allowed is: "
                                + kind);
            }
            TrainingCurve curve = TrainingCurve.read(in);
            readWeights(block, in);
            optimizer.load(trained(block), in);
            return curve;
        }
    }

    /** The values of what is trained, by the ids that this process gives. */
    private static LinkedHashMap<String, NDArray> trained(Block block) {
        LinkedHashMap<String, NDArray> arrays = new LinkedHashMap<>();
        for (Pair<String, Parameter> named : block.getParameters()) {
            Parameter parameter = named.getValue();
            if (parameter.requiresGradient()) {
                arrays.put(parameter.getId(), parameter.getArray());
            }
        }
        return arrays;
    }

    private static void writeWeights(Block block, DataOutputStream out) throws IOException {
        for (Pair<String, Parameter> named : block.getParameters()) {
            NDArray array = named.getValue().getArray();
            // What is copied from a GPU on the way would stay with the manager of the array.
            try (NDManager scope = array.getManager().newSubManager()) {
                byte[] bytes = new NDList(Tensor.of(array).toArray(scope)).encode();
                out.writeInt(bytes.length);
                out.write(bytes);
            }
        }
    }

    /** Into the arrays there are: a trainer would not see new ones. */
    private static void readWeights(Block block, DataInputStream in) throws IOException {
        for (Pair<String, Parameter> named : block.getParameters()) {
            NDArray array = named.getValue().getArray();
            try (NDManager scope = array.getManager().newSubManager()) {
                NDArray read = NDList.decode(scope, in.readNBytes(in.readInt())).head();
                if (!read.getShape().equals(array.getShape())) {
                    throw new IOException(
                            "parameter "
                                    + named.getKey()
                                    + " is of shape "
                                    + read.getShape()
                                    + " in the checkpoint, allowed is "
                                    + array.getShape());
                }
                GradMode.off(
                        () -> {
                            try (Tensor target = Tensor.lentBy(array);
                                    Tensor source = Tensor.lentBy(read)) {
                                target.copyFrom(source);
                            }
                            return null;
                        });
            }
        }
    }
}
