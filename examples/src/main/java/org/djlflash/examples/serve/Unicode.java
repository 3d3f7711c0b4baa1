package org.djlflash.examples.serve;

/** Text for tokenizers, which are native code and take UTF-8. */
final class Unicode {

    private Unicode() {}

    /**
     * Returns a text that UTF-8 can hold.
     *
     * @param param the field that it came in
     * @throws ApiException if it has half of a surrogate pair
     */
    static String require(String param, String text) {
        boolean broken =
                text.codePoints()
                        .anyMatch(
                                point ->
                                        point >= Character.MIN_SURROGATE
                                                && point <= Character.MAX_SURROGATE);
        if (broken) {
            throw ApiException.invalid(param, "the text has half of a surrogate pair");
        }
        return text;
    }
}
