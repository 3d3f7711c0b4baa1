package org.djlflash.zoo.provider;

import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ModelZoo;
import java.nio.file.Path;
import java.util.Set;
import org.djlflash.torch.TorchLibrary;

/**
 * Our models in DJL's model zoo.
 *
 * <pre>{@code
 * Criteria<String, String> criteria =
 *         Criteria.builder()
 *                 .setTypes(String.class, String.class)
 *                 .optGroupId("org.djlflash")
 *                 .optArtifactId("gpt2-kjv-6m")
 *                 .optArgument("maxNewTokens", 48)
 *                 .build();
 * try (ZooModel<String, String> model = criteria.loadModel();
 *         Predictor<String, String> predictor = model.newPredictor()) {
 *     String text = predictor.predict("And the king said unto");
 * }
 * }</pre>
 */
public final class FlashModelZoo extends ModelZoo {

    /** The group that the models are found under. */
    public static final String GROUP_ID = "org.djlflash";

    /** Creates the zoo; nothing is loaded. */
    public FlashModelZoo() {
        addModel(new EmbeddedModelLoader());
    }

    /**
     * Makes criteria load a Hugging Face folder as a text generator.
     *
     * @param criteria criteria from String to String
     * @param folder the folder, with a model that {@link CausalModels} knows
     * @param <I> String
     * @param <O> String
     * @return the criteria, to be built
     */
    public static <I, O> Criteria.Builder<I, O> textGeneration(
            Criteria.Builder<I, O> criteria, Path folder) {
        return ofFolder(criteria, folder)
                .optModelName("text-generation")
                .optArgument("blockFactory", TextGenerationBlockFactory.class.getName())
                .optTranslatorFactory(new TextGenerationTranslatorFactory());
    }

    /**
     * Makes criteria load a Hugging Face folder as an embedder of texts. What becomes of the hidden
     * states is what the files of sentence-transformers say, if they are there, and what the
     * arguments of {@link org.djlflash.zoo.embed.EmbeddingOptions#with} say.
     *
     * @param criteria criteria from String to {@code float[]}, from {@code String[]} to {@code
     *     float[][]}, or from Input to Output
     * @param folder the folder, with a BERT
     * @param <I> String, {@code String[]} or Input
     * @param <O> {@code float[]}, {@code float[][]} or Output
     * @return the criteria, to be built
     */
    public static <I, O> Criteria.Builder<I, O> textEmbedding(
            Criteria.Builder<I, O> criteria, Path folder) {
        return ofFolder(criteria, folder)
                .optModelName("text-embedding")
                .optArgument("blockFactory", TextEmbeddingBlockFactory.class.getName())
                .optTranslatorFactory(new TextEmbeddingTranslatorFactory());
    }

    /**
     * Makes criteria load a Hugging Face folder to find the likeliest words in place of the mask of
     * a text.
     *
     * @param criteria criteria from String to Classifications, from arrays to arrays of these, or
     *     from Input to Output
     * @param folder the folder, with a BERT that has such a head
     * @param <I> String, {@code String[]} or Input
     * @param <O> Classifications, an array of these, or Output
     * @return the criteria, to be built
     * @see FillMaskTranslatorFactory
     */
    public static <I, O> Criteria.Builder<I, O> fillMask(
            Criteria.Builder<I, O> criteria, Path folder) {
        return ofFolder(criteria, folder)
                .optModelName("fill-mask")
                .optArgument("blockFactory", FillMaskBlockFactory.class.getName())
                .optTranslatorFactory(new FillMaskTranslatorFactory());
    }

    /**
     * Makes criteria load a Hugging Face folder to tell the labels of a text.
     *
     * @param criteria criteria from String to Classifications, from arrays to arrays of these, or
     *     from Input to Output
     * @param folder the folder, with a BERT that has such a head
     * @param <I> String, {@code String[]} or Input
     * @param <O> Classifications, an array of these, or Output
     * @return the criteria, to be built
     * @see TextClassificationTranslatorFactory
     */
    public static <I, O> Criteria.Builder<I, O> textClassification(
            Criteria.Builder<I, O> criteria, Path folder) {
        return ofFolder(criteria, folder)
                .optModelName("text-classification")
                .optArgument("blockFactory", TextClassificationBlockFactory.class.getName())
                .optTranslatorFactory(new TextClassificationTranslatorFactory());
    }

    private static <I, O> Criteria.Builder<I, O> ofFolder(
            Criteria.Builder<I, O> criteria, Path folder) {
        return criteria.optGroupId(null)
                .optArtifactId(null)
                .optModelPath(folder)
                .optEngine(TorchLibrary.ENGINE)
                .optOption("hasParameter", "false");
    }

    @Override
    public String getGroupId() {
        return GROUP_ID;
    }

    @Override
    public Set<String> getSupportedEngines() {
        return Set.of(TorchLibrary.ENGINE);
    }
}
