package org.djlflash.examples.load;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Asks for the continuation of a prompt.
 *
 * @param body the request, without {@code stream}
 * @param text the text that has to come
 * @param stream whether it is asked for as it comes
 */
record CompletionAsk(Map<String, ?> body, String text, boolean stream) implements Ask {

    private static final String DATA = "data: ";
    private static final String END = DATA + "[DONE]";

    @Override
    public Kind kind() {
        return stream ? Kind.STREAM : Kind.COMPLETION;
    }

    @Override
    public Optional<String> send(LoadClient client) throws IOException, InterruptedException {
        Map<String, Object> fields = new TreeMap<>(body);
        fields.put("stream", stream);
        HttpResponse<String> response = client.post(LoadClient.COMPLETIONS, fields);
        if (response.statusCode() != 200) {
            return Optional.of(response.body());
        }
        return Ask.compare(
                text, stream ? joined(client, response.body()) : textOf(client, response.body()));
    }

    private static String textOf(LoadClient client, String json) throws IOException {
        return client.parse(json).path("choices").path(0).path("text").asText();
    }

    private static String joined(LoadClient client, String events) throws IOException {
        StringBuilder text = new StringBuilder();
        String last = "";
        for (String event : events.split("\n\n")) {
            if (event.startsWith(DATA) && !event.equals(END)) {
                text.append(textOf(client, event.substring(DATA.length())));
            }
            last = event;
        }
        return last.equals(END) ? text.toString() : "a stream that ends with " + last;
    }
}
