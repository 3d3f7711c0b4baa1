package org.djlflash.zoo.provider;

import ai.djl.Application;
import ai.djl.MalformedModelException;
import ai.djl.repository.MRL;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ModelLoader;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.util.Progress;
import java.io.IOException;

/** Loads the {@link EmbeddedModel} as a text generator. Nothing is downloaded. */
final class EmbeddedModelLoader implements ModelLoader {

    @Override
    public String getGroupId() {
        return FlashModelZoo.GROUP_ID;
    }

    @Override
    public String getArtifactId() {
        return EmbeddedModel.NAME;
    }

    @Override
    public Application getApplication() {
        return Application.NLP.TEXT_GENERATION;
    }

    @Override
    public MRL getMrl() {
        throw new UnsupportedOperationException(
                EmbeddedModel.NAME + " is in the jar, not in a model repository");
    }

    @Override
    public <I, O> ZooModel<I, O> loadModel(Criteria<I, O> criteria)
            throws IOException, ModelNotFoundException, MalformedModelException {
        return FlashModelZoo.textGeneration(criteria.toBuilder(), EmbeddedModel.unpack())
                .build()
                .loadModel();
    }

    @Override
    public <I, O> boolean isDownloaded(Criteria<I, O> criteria) {
        return true;
    }

    @Override
    public <I, O> void downloadModel(Criteria<I, O> criteria, Progress progress) {
        // It came with the jar.
    }
}
