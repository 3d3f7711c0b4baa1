package org.djlflash.examples.load;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.util.Optional;

/**
 * Sends what has to be refused in OpenAI's form.
 *
 * @param path where to
 * @param type what it is called
 * @param body what is sent; not copied
 * @param status what has to come
 */
record HostileAsk(String path, String type, byte[] body, int status) implements Ask {

    @Override
    public Kind kind() {
        return Kind.HOSTILE;
    }

    @Override
    public Optional<String> send(LoadClient client) throws IOException, InterruptedException {
        HttpResponse<String> response = client.post(path, type, body);
        JsonNode error = client.parse(response.body()).path("error");
        boolean told = error.path("message").isTextual() && error.path("type").isTextual();
        return Ask.compare(
                status + " with an error", response.statusCode() + (told ? " with an error" : ""));
    }
}
