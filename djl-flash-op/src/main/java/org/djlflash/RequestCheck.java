package org.djlflash;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import org.djlflash.backend.ArrayCheck;
import org.djlflash.kv.KvCache;
import org.djlflash.torch.GradMode;

/**
 * Turns the arguments of a call into a checked request: engine, state, device, type, shape, then
 * options; nothing native runs before.
 */
final class RequestCheck {

    private RequestCheck() {}

    /** The sizes of an array, whatever its layout. */
    private record Sizes(long batch, long heads, long tokens, long headSize) {

        static Sizes of(String name, NDArray array, AttentionLayout layout) {
            Shape shape = array.getShape();
            boolean headsFirst = layout == AttentionLayout.BNTH;
            if (shape.dimension() != 4) {
                throw new IllegalArgumentException(
                        name
                                + " of shape "
                                + shape
                                + ", allowed is "
                                + (headsFirst ? "(B, N, T, H)" : "(B, T, N, H)"));
            }
            return new Sizes(
                    shape.get(0),
                    shape.get(headsFirst ? 1 : 2),
                    shape.get(headsFirst ? 2 : 1),
                    shape.get(3));
        }
    }

    static AttentionRequest attend(
            NDArray query, NDArray key, NDArray value, AttentionOptions options) {
        requireGiven("options", options);
        checkArrays(query, key, value);
        Sizes q = Sizes.of("query", query, options.layout());
        Sizes k = Sizes.of("key", key, options.layout());
        checkShapes(q, k, query, key, value);
        checkKeyLengths(options.keyLengths(), q.batch(), k.tokens());
        boolean gradient =
                GradMode.isOn()
                        && (GradMode.isRecorded(query)
                                || GradMode.isRecorded(key)
                                || GradMode.isRecorded(value)
                                || options.bias().filter(GradMode::isRecorded).isPresent());
        return request(
                q, k, query, options, options.causal(), options.keyLengths() != null, gradient);
    }

    /**
     * Checks all but what the cache checks itself when it appends; the request is that of the
     * cache's keys after appending.
     */
    static AttentionRequest decode(
            NDArray query, NDArray key, NDArray value, KvCache cache, AttentionOptions options) {
        requireGiven("cache", cache);
        requireGiven("options", options);
        checkArrays(query, key, value);
        Sizes q = Sizes.of("query", query, options.layout());
        Sizes k = Sizes.of("key", key, options.layout());
        checkShapes(q, k, query, key, value);
        if (q.tokens() != k.tokens() || q.tokens() == 0) {
            throw new IllegalArgumentException(
                    q.tokens()
                            + " new queries and "
                            + k.tokens()
                            + " new keys, allowed are equally many, at least 1");
        }
        if (q.batch() != cache.batchSize()) {
            throw new IllegalArgumentException(
                    "batch size " + q.batch() + ", allowed is the cache's: " + cache.batchSize());
        }
        if (options.causal() != CausalAlignment.NONE) {
            throw new IllegalArgumentException(
                    "causal alignment "
                            + options.causal()
                            + ", allowed is none: a token sees its row up to itself");
        }
        if (options.keyLengths() != null) {
            throw new IllegalArgumentException(
                    options.keyLengths().length
                            + " key lengths, allowed are none: the cache has its own");
        }
        if (options.dropout() > 0) {
            throw new IllegalArgumentException(
                    "dropout " + options.dropout() + ", allowed is 0 when decoding");
        }
        long longest = Arrays.stream(cache.lengths()).max().orElse(0) + k.tokens();
        Sizes cached = new Sizes(k.batch(), k.heads(), longest, k.headSize());
        return request(q, cached, query, options, CausalAlignment.ROW_LENGTH, true, false);
    }

    private static AttentionRequest request(
            Sizes q,
            Sizes k,
            NDArray query,
            AttentionOptions options,
            CausalAlignment causal,
            boolean keyLengths,
            boolean gradient) {
        Shape scores = new Shape(q.batch(), q.heads(), q.tokens(), k.tokens());
        DataType type = ArrayCheck.type(query);
        options.mask()
                .ifPresent(mask -> checkBroadcast("mask", mask, DataType.BOOLEAN, query, scores));
        options.bias().ifPresent(bias -> checkBroadcast("bias", bias, type, query, scores));
        return new AttentionRequest(
                q.batch(),
                q.heads(),
                k.heads(),
                q.tokens(),
                k.tokens(),
                q.headSize(),
                type,
                options.computeType().orElse(type),
                query.getDevice(),
                gradient,
                options.scale().orElse(1 / Math.sqrt(q.headSize())),
                causal,
                keyLengths,
                options.mask().isPresent(),
                options.bias().isPresent(),
                options.dropout(),
                options.deterministic(),
                options.splits());
    }

    private static void requireGiven(String name, Object argument) {
        if (argument == null) {
            throw new IllegalArgumentException(name + " is null, allowed is an object");
        }
    }

    private static void checkArrays(NDArray query, NDArray key, NDArray value) {
        ArrayCheck.usable("query", query);
        ArrayCheck.usable("key", key);
        ArrayCheck.usable("value", value);
        checkAlike("key", key, query);
        checkAlike("value", value, query);
        DataType type = ArrayCheck.type(query);
        if (!AttentionRequest.ARRAY_TYPES.contains(type)) {
            throw new IllegalArgumentException(
                    "query is " + type + ", allowed are " + AttentionRequest.ARRAY_TYPES);
        }
    }

    private static void checkAlike(String name, NDArray array, NDArray query) {
        if (!array.getDevice().equals(query.getDevice())) {
            throw new IllegalArgumentException(
                    name
                            + " is on "
                            + array.getDevice()
                            + ", allowed is the device of query: "
                            + query.getDevice());
        }
        if (ArrayCheck.type(array) != ArrayCheck.type(query)) {
            throw new IllegalArgumentException(
                    name
                            + " is "
                            + ArrayCheck.type(array)
                            + ", allowed is the type of query: "
                            + ArrayCheck.type(query));
        }
    }

    private static void checkShapes(Sizes q, Sizes k, NDArray query, NDArray key, NDArray value) {
        if (!value.getShape().equals(key.getShape())) {
            throw new IllegalArgumentException(
                    "value of shape "
                            + value.getShape()
                            + ", allowed is the shape of key: "
                            + key.getShape());
        }
        if (q.batch() < 1 || k.batch() != q.batch()) {
            throw misfit(
                    query,
                    key,
                    "batch sizes "
                            + q.batch()
                            + " and "
                            + k.batch()
                            + ", allowed are equal ones of at least 1");
        }
        if (q.headSize() < 1 || k.headSize() != q.headSize()) {
            throw misfit(
                    query,
                    key,
                    "head sizes "
                            + q.headSize()
                            + " and "
                            + k.headSize()
                            + ", allowed are equal ones of at least 1");
        }
        if (q.heads() < 1 || k.heads() < 1 || q.heads() % k.heads() != 0) {
            throw misfit(
                    query,
                    key,
                    q.heads()
                            + " query heads and "
                            + k.heads()
                            + " key heads, allowed are at least 1 and a divisor of the query heads");
        }
    }

    private static IllegalArgumentException misfit(NDArray query, NDArray key, String problem) {
        return new IllegalArgumentException(
                "query " + query.getShape() + " and key " + key.getShape() + ": " + problem);
    }

    private static void checkKeyLengths(long[] lengths, long batch, long keys) {
        if (lengths == null) {
            return;
        }
        if (lengths.length != batch) {
            throw new IllegalArgumentException(
                    lengths.length
                            + " key lengths, allowed is one for each of "
                            + batch
                            + " batch rows");
        }
        for (int row = 0; row < lengths.length; row++) {
            if (lengths[row] < 0 || lengths[row] > keys) {
                throw new IllegalArgumentException(
                        "key length "
                                + lengths[row]
                                + " of row "
                                + row
                                + ", allowed is 0 to "
                                + keys);
            }
        }
    }

    private static void checkBroadcast(
            String name, NDArray array, DataType type, NDArray query, Shape scores) {
        ArrayCheck.usable(name, array);
        if (!array.getDevice().equals(query.getDevice()) || ArrayCheck.type(array) != type) {
            throw new IllegalArgumentException(
                    name
                            + " is "
                            + ArrayCheck.type(array)
                            + " on "
                            + array.getDevice()
                            + ", allowed is "
                            + type
                            + " on "
                            + query.getDevice());
        }
        Shape shape = array.getShape();
        int missing = scores.dimension() - shape.dimension();
        boolean fits = missing >= 0;
        for (int i = 0; fits && i < shape.dimension(); i++) {
            fits = shape.get(i) == 1 || shape.get(i) == scores.get(i + missing);
        }
        if (!fits) {
            throw new IllegalArgumentException(
                    name + " of shape " + shape + ", allowed is what broadcasts to " + scores);
        }
    }
}
