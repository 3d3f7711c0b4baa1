package org.djlflash.examples.load;

import java.util.Locale;

/** The kinds of requests. */
public enum Kind {
    /** A continuation, at once. */
    COMPLETION,
    /** A continuation, as it comes. */
    STREAM,
    /** Vectors of texts. */
    EMBEDDING,
    /** A continuation as it comes, of which the client does not want the rest. */
    CUT_OFF,
    /** One that has to be refused. */
    HOSTILE;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
