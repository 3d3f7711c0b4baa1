package org.djlflash.zoo;

import ai.djl.MalformedModelException;
import org.djlflash.zoo.json.JsonFields;

/** An activation function, as the configuration of a model names it. */
public enum Activation {
    /** x·Φ(x), with the error function. */
    GELU,
    /** The approximation of {@link #GELU} with a hyperbolic tangent. */
    GELU_TANH;

    /**
     * Reads an activation from a configuration.
     *
     * @param fields the configuration
     * @param key the key
     * @param absent the Hugging Face name to assume if the key is absent
     * @return the activation
     * @throws MalformedModelException if it is not one of these
     */
    public static Activation read(JsonFields fields, String key, String absent)
            throws MalformedModelException {
        return switch (fields.optString(key, absent)) {
            case "gelu" -> GELU;
            case "gelu_new", "gelu_pytorch_tanh" -> GELU_TANH;
            default -> throw fields.refuse(key, "gelu, gelu_new or gelu_pytorch_tanh");
        };
    }
}
