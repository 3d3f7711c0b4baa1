package org.djlflash.zoo.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file read at any position, by any number of threads. It is not mapped: the fault of a mapped
 * page, when a file shrinks, reaches Java as an error in whatever code runs a moment later, and the
 * bytes are copied into the memory of PyTorch either way.
 */
final class DataFile implements AutoCloseable {

    private final String name;
    private final FileChannel channel;
    private final long size;

    private DataFile(String name, FileChannel channel, long size) {
        this.name = name;
        this.channel = channel;
        this.size = size;
    }

    static DataFile open(Path path) throws IOException {
        FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
        try {
            return new DataFile(path.getFileName().toString(), channel, channel.size());
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    String name() {
        return name;
    }

    /** Returns the size that the file had when it was opened. */
    long size() {
        return size;
    }

    boolean isOpen() {
        return channel.isOpen();
    }

    /** Fills what remains of a direct buffer with the bytes from a position of the file on. */
    void read(long position, ByteBuffer target) throws IOException {
        long next = position;
        while (target.hasRemaining()) {
            int count = channel.read(target, next);
            if (count < 0) {
                throw new IOException(
                        String.format(
                                "%s had %d bytes when it was opened, and now ends before byte %d",
                                name, size, next + 1));
            }
            next += count;
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
