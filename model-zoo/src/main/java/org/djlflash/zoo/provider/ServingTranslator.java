package org.djlflash.zoo.provider;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.inference.streaming.ChunkedBytesSupplier;
import ai.djl.inference.streaming.IteratorBytesSupplier;
import ai.djl.inference.streaming.StreamingTranslator;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.ndarray.BytesSupplier;
import ai.djl.ndarray.NDList;
import ai.djl.translate.NoBatchifyTranslator;
import ai.djl.translate.TranslatorContext;
import java.util.Iterator;
import java.util.stream.Stream;
import org.djlflash.zoo.generate.GenerationArguments;

/**
 * Continues texts as DJL Serving asks for it, at once or bit by bit.
 *
 * <p>In: JSON, {@code {"inputs": "text", "parameters": {"max_new_tokens": 48, "details": true}}},
 * or with a list of texts, which are continued at once. The parameters are those of {@link
 * GenerationArguments}, which override the arguments of the model, {@code details} and {@code
 * return_full_text}. Out: {@code {"generated_text": "..."}} with {@code details} if asked for, or a
 * list of that. Streamed: a line {@code {"token": {"text": "..."}}} for every further text, then
 * the line of the whole.
 *
 * <p>For a {@link GenerationBlock}. Safe for use by many threads.
 */
public final class ServingTranslator
        implements NoBatchifyTranslator<Input, Output>, StreamingTranslator<Input, Output> {

    private static final String REQUEST = ServingRequest.class.getName();

    private final HuggingFaceTokenizer tokenizer;
    private final GenerationArguments defaults;

    /**
     * Creates a translator.
     *
     * @param tokenizer the tokenizer, which stays the caller's
     * @param defaults what counts where a request says nothing
     */
    public ServingTranslator(HuggingFaceTokenizer tokenizer, GenerationArguments defaults) {
        this.tokenizer = tokenizer;
        this.defaults = defaults;
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalArgumentException if the request is not one, or a parameter is not allowed
     */
    @Override
    public NDList processInput(TranslatorContext ctx, Input input) {
        ServingRequest request = ServingRequest.read(input);
        ctx.setAttachment(REQUEST, request);
        return TextGenerationTranslator.request(
                ctx, tokenizer, request.prompts(), defaults.with(request.parameters()).options());
    }

    private static ServingRequest request(TranslatorContext ctx) {
        return (ServingRequest) ctx.getAttachment(REQUEST);
    }

    @Override
    public Output processOutput(TranslatorContext ctx, NDList list) {
        return ServingResponse.whole(request(ctx), ((GenerationOutcome) list).results());
    }

    @Override
    public Support getSupport() {
        return Support.BOTH;
    }

    @Override
    public StreamOutput<Output> processStreamOutput(TranslatorContext ctx, Stream<NDList> stream) {
        ServingRequest request = request(ctx);
        Iterator<NDList> parts = stream.iterator();
        return new StreamOutput<>() {
            @Override
            public Output getIterativeOutputInternal() {
                return ServingResponse.lines(new IteratorBytesSupplier(lines()));
            }

            private Iterator<BytesSupplier> lines() {
                return new Iterator<>() {
                    @Override
                    public boolean hasNext() {
                        return parts.hasNext();
                    }

                    @Override
                    public BytesSupplier next() {
                        byte[] line = line(request, parts.next());
                        if (!parts.hasNext()) {
                            stream.close();
                        }
                        return BytesSupplier.wrap(line);
                    }
                };
            }

            @Override
            protected Output buildAsyncOutput() {
                return ServingResponse.lines(new ChunkedBytesSupplier());
            }

            @Override
            protected void computeAsyncOutputInternal(Output output) {
                ChunkedBytesSupplier chunks = (ChunkedBytesSupplier) output.getData();
                try (stream) {
                    while (parts.hasNext()) {
                        byte[] line = line(request, parts.next());
                        chunks.appendContent(line, !parts.hasNext());
                    }
                }
            }
        };
    }

    private static byte[] line(ServingRequest request, NDList part) {
        return part instanceof TextPart text
                ? ServingResponse.line(text)
                : ServingResponse.line(request, (GenerationOutcome) part);
    }
}
