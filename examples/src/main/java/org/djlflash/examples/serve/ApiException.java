package org.djlflash.examples.serve;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;

/** A request that is not answered as asked, in OpenAI's words for it. */
final class ApiException extends RuntimeException {

    /** The status for a request that does not come to its end. */
    static final int TOO_SLOW = 408;

    private static final long serialVersionUID = 1L;

    private static final String INVALID = "invalid_request_error";
    private static final String SERVER = "server_error";

    private final int status;
    private final String type;
    private final String code;
    private final String param;

    private ApiException(int status, String type, String code, String param, String message) {
        super(message);
        this.status = status;
        this.type = type;
        this.code = code;
        this.param = param;
    }

    /** A field that is not as it should be, or null where it is not about one. */
    static ApiException invalid(String param, String message) {
        return new ApiException(400, INVALID, null, param, message);
    }

    static ApiException contextTooLong(String param, String message) {
        return new ApiException(400, INVALID, "context_length_exceeded", param, message);
    }

    /** A model that is not here, or not one of the kind that is asked for. */
    static ApiException unknownModel(String found, Collection<String> allowed) {
        String names = allowed.isEmpty() ? "none" : String.join(" or ", allowed);
        String message = "model " + found + " does not do this here, allowed is " + names;
        return new ApiException(404, INVALID, "model_not_found", "model", message);
    }

    /** What HTTP itself has a status for. */
    static ApiException http(int status, String message) {
        return new ApiException(status, status < 500 ? INVALID : SERVER, null, null, message);
    }

    static ApiException tooManyRequests(int capacity) {
        return new ApiException(
                429,
                "rate_limit_error",
                "rate_limit_exceeded",
                null,
                "the queue is full, it holds " + capacity + ": try again later");
    }

    static ApiException shuttingDown() {
        return new ApiException(503, SERVER, "shutting_down", null, "the server is shutting down");
    }

    static ApiException tooSlow(long seconds) {
        return new ApiException(
                504, SERVER, "timeout", null, "not done within " + seconds + " seconds");
    }

    int status() {
        return status;
    }

    Map<String, Object> toJson() {
        Map<String, Object> error = new LinkedHashMap<>();
        error.put("message", getMessage());
        error.put("type", type);
        error.put("param", param);
        error.put("code", code);
        return Map.of("error", error);
    }
}
