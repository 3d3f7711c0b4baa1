package org.djlflash.zoo.provider;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.List;
import org.djlflash.zoo.generate.GenerationResult;

/** What a {@link GenerationBlock} gives: the new ids of each prompt, and how they came about. */
final class GenerationOutcome extends NDList {

    private static final long serialVersionUID = 1L;

    private final transient List<GenerationResult> results;

    GenerationOutcome(NDManager manager, List<GenerationResult> results) {
        super(results.stream().map(result -> ids(manager, result)).toArray(NDArray[]::new));
        this.results = results;
    }

    private static NDArray ids(NDManager manager, GenerationResult result) {
        long[] ids = Arrays.stream(result.ids()).asLongStream().toArray();
        return manager.create(ids, new Shape(ids.length));
    }

    List<GenerationResult> results() {
        return results;
    }

    @Override
    public boolean equals(Object other) {
        return this == other;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(this);
    }
}
