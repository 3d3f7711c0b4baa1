package org.djlflash.examples.serve;

import io.javalin.http.Context;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Locale;

/** Reads what a client sends. */
final class RequestBody {

    private static final int BUFFER = 1 << 16;
    private static final long MAX_DISCARDED = 1L << 26;
    private static final Duration DISCARDING = Duration.ofSeconds(10);

    private RequestBody() {}

    /**
     * Reads a body to its end. One that does not call itself JSON is refused, which keeps the pages
     * of other sites out: a browser lets them send anything else here.
     *
     * @throws ApiException if it is not called JSON, is too large, or takes too long
     */
    static byte[] readJson(Context context, ServeLimits limits) throws IOException {
        String type = context.contentType();
        if (type == null || !type.toLowerCase(Locale.ROOT).startsWith("application/json")) {
            throw ApiException.http(
                    415, "Content-Type is " + type + ", allowed is application/json");
        }
        long start = System.nanoTime();
        InputStream body = context.bodyInputStream();
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        byte[] buffer = new byte[BUFFER];
        for (int count = body.read(buffer); count >= 0; count = body.read(buffer)) {
            read.write(buffer, 0, count);
            if (read.size() > limits.requestBytes()) {
                throw ApiException.http(
                        413,
                        "the request is larger than the "
                                + limits.requestBytes()
                                + " bytes that are allowed");
            }
            if (System.nanoTime() - start > limits.time().toNanos()) {
                throw ApiException.http(
                        ApiException.TOO_SLOW,
                        "the request is not here after "
                                + limits.time().toSeconds()
                                + " seconds, which are allowed");
            }
        }
        return read.toByteArray();
    }

    /**
     * Reads what is left of a body, unless that is far too much: a client that is still sending
     * when the connection closes would not see why.
     */
    static void discard(Context context) throws IOException {
        InputStream body = context.bodyInputStream();
        byte[] buffer = new byte[BUFFER];
        long left = MAX_DISCARDED;
        long start = System.nanoTime();
        int count = body.read(buffer);
        while (count >= 0 && left > 0 && System.nanoTime() - start < DISCARDING.toNanos()) {
            left -= count;
            count = body.read(buffer);
        }
    }
}
