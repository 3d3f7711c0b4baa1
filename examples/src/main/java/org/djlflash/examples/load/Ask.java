package org.djlflash.examples.load;

import java.io.IOException;
import java.util.Optional;

/** A request with what has to come of it. Immutable. */
interface Ask {

    Kind kind();

    /**
     * Sends it and looks at the answer.
     *
     * @return what is wrong with it, if something is
     * @throws IOException if there is no answer
     */
    Optional<String> send(LoadClient client) throws IOException, InterruptedException;

    /** Compares what came with what has to come. */
    static Optional<String> compare(Object wanted, Object found) {
        return wanted.equals(found)
                ? Optional.empty()
                : Optional.of("wanted " + wanted + ", found " + found);
    }
}
