package org.djlflash.cuda.launch;

import java.nio.ByteBuffer;
import java.util.List;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.plan.Epilogue;
import org.djlflash.cuda.plan.KernelStep;
import org.djlflash.cuda.plan.StepPlanner;

/**
 * One kernel of a decode step beside attention, with its arguments, as {@code step/params.cuh} has
 * them. Every row reads one token. Memory is the caller's, 16-byte aligned; sizes of vectors are
 * multiples of {@link StepPlanner#VECTOR}. Immutable.
 */
public sealed interface StepCall {

    /**
     * Plans the launch.
     *
     * @param element the type of vectors and weights
     * @param device the GPU
     * @return the launch
     */
    KernelStep kernel(ElementType element, DeviceInfo device);

    /**
     * Writes the struct.
     *
     * @param struct where to
     */
    void write(ByteBuffer struct);

    /**
     * Looks up the vectors of the tokens read, and counts them.
     *
     * @param rows B
     * @param ids [B] 32-bit integers
     * @param lengths [B] 32-bit integers, the tokens in the cache, counted up to the capacity
     * @param tokens [V, width]
     * @param positions [at least capacity, width], or null address for none
     * @param hidden [B, width], written
     * @param width of the model
     * @param capacity of the cache in tokens
     */
    record Embed(
            int rows,
            DevicePointer ids,
            DevicePointer lengths,
            DevicePointer tokens,
            DevicePointer positions,
            DevicePointer hidden,
            int width,
            int capacity)
            implements StepCall {

        @Override
        public KernelStep kernel(ElementType element, DeviceInfo device) {
            return StepPlanner.embed(rows, element, device);
        }

        @Override
        public void write(ByteBuffer struct) {
            put(struct, ids, lengths, tokens, positions, hidden);
            struct.putInt(width).putInt(capacity);
        }
    }

    /**
     * Normalises rows.
     *
     * @param rows B
     * @param rootMeanSquare whether by the root of the mean square instead of mean and variance
     * @param x [B, width]
     * @param y [B, width], written
     * @param gain [width]
     * @param shift [width], or null address for none
     * @param width at most {@link StepPlanner#MOST_NORMALIZED}
     * @param epsilon added to the mean square or the variance
     */
    record Norm(
            int rows,
            boolean rootMeanSquare,
            DevicePointer x,
            DevicePointer y,
            DevicePointer gain,
            DevicePointer shift,
            int width,
            float epsilon)
            implements StepCall {

        @Override
        public KernelStep kernel(ElementType element, DeviceInfo device) {
            return StepPlanner.norm(rows, rootMeanSquare, element, device);
        }

        @Override
        public void write(ByteBuffer struct) {
            put(struct, x, y, gain, shift);
            struct.putInt(width).putFloat(epsilon);
        }
    }

    /**
     * The weight of a linear layer.
     *
     * @param weight [outputs, inputs]
     * @param bias [outputs], or null address for none
     * @param outputs the number of outputs
     */
    record Weight(DevicePointer weight, DevicePointer bias, int outputs) {}

    /**
     * Computes linear layers of the same inputs, side by side.
     *
     * @param rows B
     * @param x [B, inputs]
     * @param y [B, pitch], written, or added to
     * @param weights 1 to 3; for {@link Epilogue#GATED} 2 of equal size
     * @param inputs the number of inputs
     * @param pitch the elements from one row of y to the next
     * @param epilogue what follows
     */
    record Linear(
            int rows,
            DevicePointer x,
            DevicePointer y,
            List<Weight> weights,
            int inputs,
            int pitch,
            Epilogue epilogue)
            implements StepCall {

        private static final int MOST_WEIGHTS = 3;
        private static final Weight NO_WEIGHT =
                new Weight(DevicePointer.NULL, DevicePointer.NULL, 0);

        @Override
        public KernelStep kernel(ElementType element, DeviceInfo device) {
            List<Integer> outputs = weights.stream().map(Weight::outputs).toList();
            return StepPlanner.linear(rows, outputs, epilogue, element, device);
        }

        @Override
        public void write(ByteBuffer struct) {
            put(struct, x, y);
            for (int i = 0; i < MOST_WEIGHTS; i++) {
                put(struct, part(i).weight());
            }
            for (int i = 0; i < MOST_WEIGHTS; i++) {
                put(struct, part(i).bias());
            }
            for (int i = 0; i < MOST_WEIGHTS; i++) {
                struct.putInt(part(i).outputs());
            }
            struct.putInt(rows).putInt(inputs).putInt(pitch);
        }

        private Weight part(int index) {
            return index < weights.size() ? weights.get(index) : NO_WEIGHT;
        }
    }

    /**
     * Appends keys and values to a cache, and turns queries and keys by their positions.
     *
     * @param rows B
     * @param queryKeyValue [B, (heads + 2 keyHeads) headSize]; queries are turned in place
     * @param keys [B, keyHeads, capacity, headSize], or pages
     * @param values with the strides of the keys
     * @param lengths [B] 32-bit integers, the new token included
     * @param cosine [at least capacity, headSize / 2], or null address to turn nothing
     * @param sine shaped alike
     * @param pages [B, pages of a row] 32-bit integers: keys and values are [pages, keyHeads,
     *     tokens of a page, headSize]; null address if each row is one piece
     * @param pageSize the tokens of a page
     * @param pagesOfARow the columns of the table of pages
     * @param heads the number of query heads
     * @param keyHeads the number of heads of keys and values
     * @param headSize the size of a head
     */
    record Append(
            int rows,
            DevicePointer queryKeyValue,
            TensorView keys,
            DevicePointer values,
            DevicePointer lengths,
            DevicePointer cosine,
            DevicePointer sine,
            DevicePointer pages,
            int pageSize,
            int pagesOfARow,
            int heads,
            int keyHeads,
            int headSize)
            implements StepCall {

        @Override
        public KernelStep kernel(ElementType element, DeviceInfo device) {
            int turned = cosine.equals(DevicePointer.NULL) ? 0 : heads;
            return StepPlanner.append(rows, turned + 2 * keyHeads, element, device);
        }

        @Override
        public void write(ByteBuffer struct) {
            put(struct, queryKeyValue, keys.data(), values, lengths, cosine, sine, pages);
            struct.putLong(keys.layout().batch());
            struct.putLong(keys.layout().head());
            struct.putLong(keys.layout().row());
            struct.putInt(heads).putInt(keyHeads).putInt(headSize);
            struct.putInt(pageSize).putInt(pagesOfARow).putInt(0);
        }
    }

    /**
     * Chooses the next token of each row.
     *
     * @param rows B
     * @param logits [B, pitch]
     * @param ids [B] 32-bit integers, written; -1 where no token can be chosen
     * @param ring [slots, B] 32-bit integers, written at slot lengths[b] modulo slots
     * @param lengths [B] 32-bit integers
     * @param choices [B] of temperature, top p, penalty (doubles) and top k (64-bit integer)
     * @param uniforms [slots, B] doubles from 0 to below 1, read at the same slot
     * @param seen [B, V] bytes, 1 for tokens that occurred, or null address if no row has a penalty
     * @param values [B, V] floats of scratch memory, or null address if no row draws
     * @param vocabulary V, at most {@link StepPlanner#MOST_TOKENS}
     * @param pitch the elements from one row of the logits to the next
     * @param slots the number of slots
     */
    record Sample(
            int rows,
            DevicePointer logits,
            DevicePointer ids,
            DevicePointer ring,
            DevicePointer lengths,
            DevicePointer choices,
            DevicePointer uniforms,
            DevicePointer seen,
            DevicePointer values,
            int vocabulary,
            int pitch,
            int slots)
            implements StepCall {

        @Override
        public KernelStep kernel(ElementType element, DeviceInfo device) {
            return StepPlanner.sample(rows, element, device);
        }

        @Override
        public void write(ByteBuffer struct) {
            put(struct, logits, ids, ring, lengths, choices, uniforms, seen, values);
            struct.putInt(vocabulary).putInt(pitch).putInt(slots).putInt(0);
        }
    }

    private static void put(ByteBuffer struct, DevicePointer... pointers) {
        for (DevicePointer pointer : pointers) {
            struct.putLong(pointer.address());
        }
    }
}
