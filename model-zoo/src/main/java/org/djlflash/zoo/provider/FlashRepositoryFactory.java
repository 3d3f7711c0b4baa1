package org.djlflash.zoo.provider;

import ai.djl.repository.Repository;
import ai.djl.repository.RepositoryFactory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.Set;

/**
 * Finds the {@link EmbeddedModel} by URL: {@code djlflash://gpt2-kjv-6m}, with arguments behind a
 * question mark if wanted. Named in {@code META-INF/services}; DJL's own scheme, {@code djl://},
 * asks a server.
 */
public final class FlashRepositoryFactory implements RepositoryFactory {

    private static final String SCHEME = "djlflash";

    /** Creates the factory. */
    public FlashRepositoryFactory() {}

    @Override
    public Repository newInstance(String name, URI uri) {
        if (!EmbeddedModel.NAME.equals(uri.getAuthority())) {
            throw new IllegalArgumentException(
                    uri + ", allowed is " + SCHEME + "://" + EmbeddedModel.NAME);
        }
        try {
            String folder = EmbeddedModel.unpack().toUri().toString();
            String query = uri.getRawQuery();
            return Repository.newInstance(name, query == null ? folder : folder + '?' + query);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public Set<String> getSupportedScheme() {
        return Set.of(SCHEME);
    }
}
