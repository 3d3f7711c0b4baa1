package org.djlflash.zoo.weights;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.djlflash.zoo.json.StrictJson;

/**
 * The weights of a Hugging Face folder: {@code model.safetensors}, or the shards that {@code
 * model.safetensors.index.json} lists. Nothing outside of the folder is opened.
 */
public final class Checkpoint implements AutoCloseable {

    private static final String SINGLE = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";
    private static final int MAX_INDEX_BYTES = 100_000_000;
    private static final Pattern SHARD_NAME = Pattern.compile("\\w[\\w.-]*\\.safetensors");
    private static final Pattern PICKLED = Pattern.compile(".*\\.(bin|pt|pth|pkl|ckpt)");

    private final Map<String, SafetensorsFile> files = new LinkedHashMap<>();
    private final Map<String, String> fileNames = new LinkedHashMap<>();
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

    private Checkpoint() {}

    /**
     * Opens the weights of a folder and checks the headers of all their files.
     *
     * @param folder the folder
     * @return the weights; the caller closes them
     * @throws MalformedModelException if there are no safetensors, or they are not as they should
     *     be
     * @throws IOException if they cannot be read
     */
    public static Checkpoint open(Path folder) throws IOException, MalformedModelException {
        Checkpoint checkpoint = new Checkpoint();
        try {
            if (Files.exists(folder.resolve(SINGLE))) {
                checkpoint.add(folder, SINGLE);
            } else if (Files.exists(folder.resolve(INDEX))) {
                checkpoint.addShards(folder);
            } else {
                throw noSafetensors(folder);
            }
            return checkpoint;
        } catch (IOException | MalformedModelException | RuntimeException e) {
            checkpoint.close();
            throw e;
        }
    }

    /**
     * Returns what the headers say about the tensors.
     *
     * @return the tensors by name, file by file in the order of their data
     */
    public Map<String, TensorInfo> tensors() {
        return Collections.unmodifiableMap(tensors);
    }

    /**
     * Reads a tensor, as {@link SafetensorsFile#read} does.
     *
     * @param manager the manager that owns the array; its device is the array's
     * @param tensor the name of the tensor
     * @param target {@link DataType#FLOAT32} or {@link DataType#FLOAT16}
     * @return a new array with the shape of the tensor
     * @throws IllegalArgumentException if there is no such tensor, or the target is another type
     * @throws IllegalStateException if the checkpoint is closed
     * @throws MalformedModelException if the tensor cannot be had in the target type
     * @throws IOException if the file cannot be read
     */
    public NDArray read(NDManager manager, String tensor, DataType target)
            throws IOException, MalformedModelException {
        String fileName = fileNames.get(tensor);
        if (fileName == null) {
            throw new IllegalArgumentException("the checkpoint has no tensor \"" + tensor + '"');
        }
        return files.get(fileName).read(manager, tensor, target);
    }

    @Override
    public void close() throws IOException {
        for (SafetensorsFile file : files.values()) {
            file.close();
        }
    }

    private void addShards(Path folder) throws IOException, MalformedModelException {
        inside(folder, INDEX);
        Map<String, String> weightMap =
                StrictJson.read(folder.resolve(INDEX), MAX_INDEX_BYTES)
                        .requireStrings("weight_map");
        for (String shard : new TreeSet<>(weightMap.values())) {
            if (!SHARD_NAME.matcher(shard).matches()) {
                throw new MalformedModelException(
                        String.format(
                                "%s: a shard must be the plain name of a .safetensors file, found"
                                        + " \"%s\"",
                                INDEX, shard));
            }
            add(folder, shard);
        }
        for (Map.Entry<String, String> entry : weightMap.entrySet()) {
            if (!entry.getValue().equals(fileNames.get(entry.getKey()))) {
                throw new MalformedModelException(
                        String.format(
                                "%s says that \"%s\" is in %s, where it is not",
                                INDEX, entry.getKey(), entry.getValue()));
            }
        }
    }

    private void add(Path folder, String fileName) throws IOException, MalformedModelException {
        SafetensorsFile file = SafetensorsFile.open(inside(folder, fileName));
        files.put(fileName, file);
        for (TensorInfo info : file.tensors().values()) {
            String other = fileNames.put(info.name(), fileName);
            if (other != null) {
                throw new MalformedModelException(
                        String.format(
                                "\"%s\" is in two files, %s and %s", info.name(), other, fileName));
            }
            tensors.put(info.name(), info);
        }
    }

    private static Path inside(Path folder, String fileName)
            throws IOException, MalformedModelException {
        Path file = folder.resolve(fileName);
        if (!Files.exists(file)) {
            throw new MalformedModelException(fileName + " is missing");
        }
        if (!file.toRealPath().startsWith(folder.toRealPath())) {
            throw new MalformedModelException(
                    fileName
                            + " is a link that leads out of the model folder; put the file itself"
                            + " there");
        }
        return file;
    }

    private static MalformedModelException noSafetensors(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return new MalformedModelException(folder.getFileName() + " is not a folder");
        }
        String expected = "expected " + SINGLE + " or " + INDEX;
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.map(entry -> entry.getFileName().toString())
                    .filter(name -> PICKLED.matcher(name.toLowerCase(Locale.ROOT)).matches())
                    .sorted()
                    .findFirst()
                    .map(name -> "safetensors only: found " + name + ", " + expected)
                    .map(MalformedModelException::new)
                    .orElseGet(() -> new MalformedModelException("no weights: " + expected));
        }
    }
}
