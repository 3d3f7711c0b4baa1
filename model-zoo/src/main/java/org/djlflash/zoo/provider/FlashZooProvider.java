package org.djlflash.zoo.provider;

import ai.djl.repository.zoo.ModelZoo;
import ai.djl.repository.zoo.ZooProvider;

/** Tells DJL of our {@link FlashModelZoo}; named in {@code META-INF/services}. */
public final class FlashZooProvider implements ZooProvider {

    /** Creates the provider. */
    public FlashZooProvider() {}

    @Override
    public ModelZoo getModelZoo() {
        return new FlashModelZoo();
    }
}
