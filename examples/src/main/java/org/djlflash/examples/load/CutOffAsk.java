package org.djlflash.examples.load;

import java.io.IOException;
import java.util.Map;
import java.util.Optional;

/**
 * Hangs up while an answer comes.
 *
 * @param body the request, for a stream
 * @param bytes how much of the answer is read
 */
record CutOffAsk(Map<String, ?> body, int bytes) implements Ask {

    @Override
    public Kind kind() {
        return Kind.CUT_OFF;
    }

    @Override
    public Optional<String> send(LoadClient client) throws IOException, InterruptedException {
        return Ask.compare(bytes, client.peek(LoadClient.COMPLETIONS, body, bytes));
    }
}
