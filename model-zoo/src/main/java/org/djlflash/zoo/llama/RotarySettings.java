package org.djlflash.zoo.llama;

import ai.djl.MalformedModelException;
import java.util.List;
import org.djlflash.zoo.json.JsonFields;

/**
 * How a rotary embedding turns.
 *
 * @param base the base of the frequencies ({@code rope_theta})
 * @param scaling what becomes of them ({@code rope_scaling})
 */
public record RotarySettings(double base, RotaryScaling scaling) {

    private static final double DEFAULT_BASE = 10_000;
    private static final double MAX_BASE = 1e12;

    /** The objects that may hold the scaling; the second, which is newer, may hold the base too. */
    private static final List<String> OBJECTS = List.of("rope_scaling", "rope_parameters");

    /**
     * Reads the settings of a model.
     *
     * @param fields the configuration of the model
     * @return the settings
     * @throws MalformedModelException if a value is not allowed
     */
    static RotarySettings read(JsonFields fields) throws MalformedModelException {
        checkWhole(fields);
        double base = fields.optDouble("rope_theta", 1, MAX_BASE, DEFAULT_BASE);
        List<String> found = OBJECTS.stream().filter(fields::has).toList();
        if (found.isEmpty()) {
            return new RotarySettings(base, new RotaryScaling.None());
        }
        if (found.size() > 1) {
            throw fields.refuse(found.get(0), "absent beside " + found.get(1));
        }
        JsonFields object = fields.requireObject(found.get(0));
        checkWhole(object);
        return new RotarySettings(
                object.optDouble("rope_theta", 1, MAX_BASE, base), RotaryScaling.read(object));
    }

    private static void checkWhole(JsonFields fields) throws MalformedModelException {
        if (fields.optDouble("partial_rotary_factor", 0, 1, 1) != 1) {
            throw fields.refuse("partial_rotary_factor", "1 or absent");
        }
    }

    /**
     * Returns by what angle the pairs of a head turn from one position to the next.
     *
     * @param headSize the head size H, even
     * @return the angles in radians, H/2
     */
    float[] frequencies(int headSize) {
        float[] frequencies = new float[headSize / 2];
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] = (float) scaling.apply(Math.pow(base, -2.0 * i / headSize));
        }
        return frequencies;
    }
}
