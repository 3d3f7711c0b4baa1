package org.djlflash.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.djlflash.cuda.launch.DevicePointer;
import org.djlflash.cuda.plan.UpdatePlanner;
import org.djlflash.torch.Tensor;

/**
 * Descriptions of spans in GPU memory, chunk by chunk: the addresses of a span's arrays, then the
 * number of elements. They hardly ever change, so they are kept. Safe for use by many threads.
 */
final class ChunkTables {

    /** What a table is for, and where its first array is. */
    private record Key(String purpose, long address) {}

    /**
     * A description.
     *
     * @param rows as it is on the host
     * @param count the number of chunks
     * @param onGpu as it is on the GPU
     */
    record Table(long[] rows, int count, NDArray onGpu) {

        DevicePointer pointer() {
            try (Tensor tensor = Tensor.lentBy(onGpu)) {
                return new DevicePointer(tensor.address());
            }
        }

        private boolean isReleased() {
            return ((PtNDArray) onGpu).isReleased();
        }
    }

    private final Map<Key, Table> tables = new HashMap<>();

    /**
     * Describes spans.
     *
     * @param purpose what for: a name for each kernel
     * @param manager the owner of the description, on the GPU
     * @param spans the spans, each of as many arrays
     */
    synchronized Table get(String purpose, NDManager manager, List<Span> spans) {
        int columns = spans.get(0).columns().size() + 1;
        int count = 0;
        for (Span span : spans) {
            count += Math.toIntExact(chunks(span.size()));
        }
        long[] rows = new long[count * columns];
        int next = 0;
        for (Span span : spans) {
            next = describe(span, rows, next);
        }
        Key key = new Key(purpose, Arrays.stream(rows).filter(a -> a != 0).findFirst().orElse(0));
        Table known = tables.get(key);
        if (known == null || known.isReleased() || !Arrays.equals(known.rows(), rows)) {
            spans.forEach(Span::check);
            if (known != null) {
                known.onGpu().close();
            }
            // Those of models that are closed would stay for ever.
            tables.values().removeIf(Table::isReleased);
            known = new Table(rows, count, manager.create(rows, new Shape(rows.length)));
            tables.put(key, known);
        }
        return known;
    }

    private static long chunks(long elements) {
        return (elements + UpdatePlanner.CHUNK - 1) / UpdatePlanner.CHUNK;
    }

    private static int describe(Span span, long[] rows, int first) {
        long elements = span.size();
        int columns = span.columns().size();
        long[] addresses = span.columns().stream().mapToLong(Span.Column::address).toArray();
        int[] bytes = span.columns().stream().mapToInt(Span.Column::bytes).toArray();
        int next = first;
        for (long from = 0; from < elements; from += UpdatePlanner.CHUNK) {
            for (int i = 0; i < columns; i++) {
                rows[next++] = addresses[i] == 0 ? 0 : addresses[i] + from * bytes[i];
            }
            rows[next++] = Math.min(UpdatePlanner.CHUNK, elements - from);
        }
        return next;
    }
}
