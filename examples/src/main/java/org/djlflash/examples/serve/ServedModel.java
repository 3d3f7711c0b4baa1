package org.djlflash.examples.serve;

/** A model that a {@link ModelServer} answers for. Safe for many threads. */
public sealed interface ServedModel permits ServedGenerator, ServedEmbedder {

    /**
     * Returns the name.
     *
     * @return what clients call the model
     */
    String name();
}
