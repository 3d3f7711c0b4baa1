package org.djlflash.zoo.provider;

import ai.djl.ndarray.NDList;

/** A part of a text, on the way from a {@link GenerationBlock} to a translator; no array at all. */
final class TextPart extends NDList {

    private static final long serialVersionUID = 1L;

    private final String text;

    TextPart(String text) {
        this.text = text;
    }

    String text() {
        return text;
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
