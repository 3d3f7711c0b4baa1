package org.djlflash.zoo.provider;

import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.ndarray.BytesSupplier;
import ai.djl.ndarray.NDList;
import ai.djl.translate.NoBatchifyTranslator;
import ai.djl.translate.TranslatorContext;
import java.util.List;

/**
 * Does a {@link TextTask} as DJL Serving asks for it: {@code {"inputs": "text"}} gives its result
 * as JSON, a list of texts a list. Safe for use by many threads.
 *
 * @param <R> the result of one text
 */
final class ServedTextTranslator<R> implements NoBatchifyTranslator<Input, Output> {

    private static final String REQUEST = ServingRequest.class.getName();

    private final TextTask<R> task;

    ServedTextTranslator(TextTask<R> task) {
        this.task = task;
    }

    @Override
    public NDList processInput(TranslatorContext ctx, Input input) {
        ServingRequest request = ServingRequest.read(input);
        if (!request.parameters().isEmpty() || request.details() || request.fullText()) {
            throw new IllegalArgumentException("the request has parameters, allowed are none");
        }
        ctx.setAttachment(REQUEST, request);
        return task.encode(ctx, request.prompts());
    }

    @Override
    public Output processOutput(TranslatorContext ctx, NDList list) {
        ServingRequest request = (ServingRequest) ctx.getAttachment(REQUEST);
        List<R> results = task.decode(ctx, list);
        Output output = new Output();
        output.addProperty("Content-Type", "application/json");
        output.add(BytesSupplier.wrapAsJson(request.isList() ? results : results.get(0)));
        return output;
    }
}
