package org.djlflash.zoo.weights;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * A safetensors file. Its header is checked as a whole when it is opened; its data, of any size, is
 * read tensor by tensor.
 *
 * <p>Reading is thread-safe, if the NDManager is.
 */
public final class SafetensorsFile implements AutoCloseable {

    private static final int MAX_HEADER_BYTES = 100_000_000;
    private static final int LARGEST_CHUNK = 1 << 28;

    private final DataFile file;
    private final SafetensorsHeader header;
    private final long dataStart;
    private final int chunkElements;

    private SafetensorsFile(DataFile file, int chunkElements)
            throws IOException, MalformedModelException {
        this.file = file;
        this.chunkElements = chunkElements;
        int headerBytes = headerBytes();
        dataStart = Long.BYTES + headerBytes;
        byte[] json = new byte[headerBytes];
        readBytes(Long.BYTES, headerBytes).get(json);
        header = SafetensorsHeader.parse(json, file.size() - dataStart, file.name());
    }

    /**
     * Opens a file and checks its header.
     *
     * @param path the file
     * @return the file; the caller closes it
     * @throws MalformedModelException if it is missing, or anything in the header is not as the
     *     format demands
     * @throws IOException if it cannot be read
     */
    public static SafetensorsFile open(Path path) throws IOException, MalformedModelException {
        return open(path, LARGEST_CHUNK);
    }

    static SafetensorsFile open(Path path, int chunkElements)
            throws IOException, MalformedModelException {
        if (!Files.isRegularFile(path)) {
            throw new MalformedModelException(path.getFileName() + " is missing, or is not a file");
        }
        DataFile file = DataFile.open(path);
        try {
            return new SafetensorsFile(file, chunkElements);
        } catch (IOException | MalformedModelException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /**
     * Returns what the header says about the tensors.
     *
     * @return the tensors by name, in the order of their data
     */
    public Map<String, TensorInfo> tensors() {
        return header.tensors();
    }

    /**
     * Returns the free text of the header.
     *
     * @return the entries of {@code __metadata__}, none if it is absent
     */
    public Map<String, String> metadata() {
        return header.metadata();
    }

    /**
     * Reads a tensor of type F64, F32, F16 or BF16. Narrowing rounds to nearest, ties to even.
     *
     * @param manager the manager that owns the array; its device is the array's
     * @param tensor the name of the tensor
     * @param target {@link DataType#FLOAT32} or {@link DataType#FLOAT16}
     * @return a new array with the shape of the tensor
     * @throws IllegalArgumentException if there is no such tensor, or the target is another type
     * @throws IllegalStateException if the file is closed
     * @throws MalformedModelException if the tensor has another type, or holds a finite value that
     *     the target type cannot hold
     * @throws IOException if the file cannot be read, or shrank since it was opened
     */
    public NDArray read(NDManager manager, String tensor, DataType target)
            throws IOException, MalformedModelException {
        if (!file.isOpen()) {
            throw new IllegalStateException(file.name() + " is closed");
        }
        TensorInfo info = header.tensors().get(tensor);
        if (info == null) {
            throw new IllegalArgumentException(file.name() + " has no tensor \"" + tensor + '"');
        }
        if (target != DataType.FLOAT32 && target != DataType.FLOAT16) {
            throw new IllegalArgumentException(
                    "a tensor is read as FLOAT32 or FLOAT16, found " + target);
        }
        if (!info.dtype().isReadable()) {
            throw new MalformedModelException(
                    String.format(
                            "%s: \"%s\" is %s; only F64, F32, F16 and BF16 are read",
                            file.name(), tensor, info.dtype()));
        }
        // The memory is PyTorch's from the start: a Java buffer under an array would count against
        // the limit on direct memory, and could be freed under a view that outlives the array.
        try (NDManager host = manager.newSubManager(Device.cpu())) {
            NDArray array = host.create(info.shape(), target);
            if (info.begin() < info.end()) {
                fill(array, info, target);
            }
            NDArray placed = array.toDevice(manager.getDevice(), false);
            placed.attach(manager);
            return placed;
        }
    }

    @Override
    public void close() throws IOException {
        file.close();
    }

    private void fill(NDArray array, TensorInfo info, DataType target)
            throws IOException, MalformedModelException {
        FloatConversion conversion =
                new FloatConversion(file.name() + ": \"" + info.name() + '"', info.dtype(), target);
        int width = FloatConversion.bytes(info.dtype());
        long size = array.size();
        // A ByteBuffer ends at 2 GiB, an array does not: write through views of its parts.
        try (NDArray flat = array.reshape(size)) {
            for (long start = 0; start < size; start += chunkElements) {
                long stop = Math.min(size, start + chunkElements);
                try (NDArray part = flat.get(new NDIndex().addSliceDim(start, stop))) {
                    ByteBuffer memory = part.toByteBuffer(true).order(ByteOrder.nativeOrder());
                    conversion.read(file, dataStart + info.begin() + start * width, memory);
                }
            }
        }
    }

    private int headerBytes() throws IOException, MalformedModelException {
        if (file.size() < Long.BYTES) {
            throw new MalformedModelException(
                    file.name() + " must have at least 8 bytes, found " + file.size());
        }
        long bytes = readBytes(0, Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).getLong();
        long largest = Math.min(MAX_HEADER_BYTES, file.size() - Long.BYTES);
        if (bytes < 0 || bytes > largest) {
            throw new MalformedModelException(
                    String.format(
                            "%s: the header must have from 0 to %d bytes, found %s",
                            file.name(), largest, Long.toUnsignedString(bytes)));
        }
        return (int) bytes;
    }

    private ByteBuffer readBytes(long position, int size) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocateDirect(size);
        file.read(position, bytes);
        return bytes.flip();
    }
}
