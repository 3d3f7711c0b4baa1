package org.djlflash.examples.serve;

import io.javalin.http.Context;
import java.io.IOException;
import java.util.Locale;

/** Reads what a client sends. */
final class RequestBody {

    private RequestBody() {}

    /**
     * Reads a body to its end. One that does not call itself JSON is refused, which keeps the pages
     * of other sites out: a browser lets them send anything else here.
     *
     * @throws ApiException if it is not called JSON, or is too large
     */
    static byte[] readJson(Context context, int maxBytes) throws IOException {
        String type = context.contentType();
        if (type == null || !type.toLowerCase(Locale.ROOT).startsWith("application/json")) {
            throw ApiException.http(
                    415, "Content-Type is " + type + ", allowed is application/json");
        }
        byte[] body = context.bodyInputStream().readNBytes(maxBytes);
        if (context.bodyInputStream().read() >= 0) {
            throw ApiException.http(
                    413, "the request is larger than the " + maxBytes + " bytes that are allowed");
        }
        return body;
    }
}
