package org.djlflash.zoo.json;

import ai.djl.MalformedModelException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * The fields of a JSON object, read by type: nothing is converted, and every refusal names the
 * source, the key, what was found and what is allowed. A key whose value is {@code null} counts as
 * absent, as it does for Hugging Face. Immutable.
 */
public final class JsonFields {

    private static final int MAX_QUOTE = 120;
    private static final String ROWS = "a list of integers or a list of such lists";

    private final String source;
    private final JsonNode object;

    JsonFields(String source, JsonNode object) {
        this.source = source;
        this.object = object;
    }

    /**
     * Returns the keys in the order of the text.
     *
     * @return the keys
     */
    public List<String> keys() {
        List<String> keys = new ArrayList<>(object.size());
        object.fieldNames().forEachRemaining(keys::add);
        return Collections.unmodifiableList(keys);
    }

    /**
     * Tells whether a key has a value other than {@code null}.
     *
     * @param key the key
     * @return true if it has
     */
    public boolean has(String key) {
        return object.hasNonNull(key);
    }

    /**
     * Returns an integer that must be there.
     *
     * @param key the key
     * @param min the least value that is allowed
     * @param max the greatest value that is allowed
     * @return the value
     * @throws MalformedModelException if it is absent, not an integer or out of range
     */
    public int requireInt(String key, int min, int max) throws MalformedModelException {
        return toInt(key, require(key, integers(min, max)), min, max);
    }

    /**
     * Returns an integer, if there is one.
     *
     * @param key the key
     * @param min the least value that is allowed
     * @param max the greatest value that is allowed
     * @return the value, or empty if it is absent
     * @throws MalformedModelException if it is not an integer or out of range
     */
    public OptionalInt optInt(String key, int min, int max) throws MalformedModelException {
        return has(key)
                ? OptionalInt.of(toInt(key, object.get(key), min, max))
                : OptionalInt.empty();
    }

    /**
     * Returns a long integer, if there is one.
     *
     * @param key the key
     * @param min the least value that is allowed
     * @param max the greatest value that is allowed
     * @return the value, or empty if it is absent
     * @throws MalformedModelException if it is not an integer or out of range
     */
    public OptionalLong optLong(String key, long min, long max) throws MalformedModelException {
        if (!has(key)) {
            return OptionalLong.empty();
        }
        JsonNode value = object.get(key);
        if (!value.isIntegralNumber()
                || !value.canConvertToLong()
                || value.longValue() < min
                || value.longValue() > max) {
            throw refuse(key, value, integers(min, max));
        }
        return OptionalLong.of(value.longValue());
    }

    /**
     * Returns the integers of a key whose value may be one integer or a list of them.
     *
     * @param key the key
     * @param min the least value that is allowed
     * @param max the greatest value that is allowed
     * @return the values, none if the key is absent
     * @throws MalformedModelException if a value is not an integer or out of range
     */
    public List<Integer> optInts(String key, int min, int max) throws MalformedModelException {
        if (!has(key)) {
            return List.of();
        }
        JsonNode value = object.get(key);
        if (!value.isArray()) {
            return List.of(toInt(key, value, min, max));
        }
        List<Integer> values = new ArrayList<>(value.size());
        for (JsonNode element : value) {
            values.add(toInt(key, element, min, max));
        }
        return List.copyOf(values);
    }

    /**
     * Returns a list of integers, none negative, that must be there.
     *
     * @param key the key
     * @return the values
     * @throws MalformedModelException if it is absent, or anything but such a list
     */
    public long[] requireSizes(String key) throws MalformedModelException {
        String allowed = "a list of integers from 0 to " + Long.MAX_VALUE;
        JsonNode list = require(key, allowed);
        if (!list.isArray()) {
            throw refuse(key, list, allowed);
        }
        long[] values = new long[list.size()];
        for (int i = 0; i < values.length; i++) {
            JsonNode value = list.get(i);
            if (!value.isIntegralNumber() || !value.canConvertToLong() || value.longValue() < 0) {
                throw refuse(key, value, allowed);
            }
            values[i] = value.longValue();
        }
        return values;
    }

    /**
     * Returns a number, if there is one.
     *
     * @param key the key
     * @param min the least value that is allowed
     * @param max the greatest value that is allowed
     * @param absent the value to return if it is absent
     * @return the value
     * @throws MalformedModelException if it is not a number or out of range
     */
    public double optDouble(String key, double min, double max, double absent)
            throws MalformedModelException {
        return has(key) ? requireDouble(key, min, max) : absent;
    }

    /**
     * Returns a number that must be there.
     *
     * @param key the key
     * @param min the least value that is allowed
     * @param max the greatest value that is allowed
     * @return the value
     * @throws MalformedModelException if it is absent, not a number or out of range
     */
    public double requireDouble(String key, double min, double max) throws MalformedModelException {
        String allowed = "a number from " + min + " to " + max;
        JsonNode value = require(key, allowed);
        if (!value.isNumber() || !(value.doubleValue() >= min && value.doubleValue() <= max)) {
            throw refuse(key, value, allowed);
        }
        return value.doubleValue();
    }

    /**
     * Returns a truth value, if there is one.
     *
     * @param key the key
     * @param absent the value to return if it is absent
     * @return the value
     * @throws MalformedModelException if it is neither true nor false
     */
    public boolean optBoolean(String key, boolean absent) throws MalformedModelException {
        if (!has(key)) {
            return absent;
        }
        JsonNode value = object.get(key);
        if (!value.isBoolean()) {
            throw refuse(key, value, "true or false");
        }
        return value.booleanValue();
    }

    /**
     * Returns a string that must be there.
     *
     * @param key the key
     * @return the value
     * @throws MalformedModelException if it is absent or not a string
     */
    public String requireString(String key) throws MalformedModelException {
        JsonNode value = require(key, "a string");
        if (!value.isTextual()) {
            throw refuse(key, value, "a string");
        }
        return value.textValue();
    }

    /**
     * Returns a string, if there is one.
     *
     * @param key the key
     * @param absent the value to return if it is absent
     * @return the value
     * @throws MalformedModelException if it is not a string
     */
    public String optString(String key, String absent) throws MalformedModelException {
        return has(key) ? requireString(key) : absent;
    }

    /**
     * Returns the strings of a key whose value may be one string or a list of them.
     *
     * @param key the key
     * @return the values, none if the key is absent
     * @throws MalformedModelException if a value is not a string
     */
    public List<String> optStrings(String key) throws MalformedModelException {
        if (!has(key)) {
            return List.of();
        }
        JsonNode value = object.get(key);
        List<String> values = new ArrayList<>(value.size());
        for (JsonNode element : value.isArray() ? value : List.of(value)) {
            if (!element.isTextual()) {
                throw refuse(key, element, "a string or a list of strings");
            }
            values.add(element.textValue());
        }
        return List.copyOf(values);
    }

    /**
     * Tells whether the value of a key is a list that begins with a number or a list.
     *
     * @param key the key
     * @return false for anything else
     */
    public boolean holdsNumbers(String key) {
        JsonNode first = object.path(key).path(0);
        return first.isNumber() || first.isArray();
    }

    /**
     * Returns the rows of a key whose value is a list of integers, then there is one row, or a list
     * of such lists.
     *
     * @param key the key
     * @return the rows
     * @throws MalformedModelException if it is absent, or anything but such a list
     */
    public List<long[]> requireRows(String key) throws MalformedModelException {
        JsonNode value = require(key, ROWS);
        List<long[]> rows = new ArrayList<>();
        for (JsonNode row : value.path(0).isArray() ? value : List.of(value)) {
            if (!row.isArray()) {
                throw refuse(key, row, ROWS);
            }
            long[] numbers = new long[row.size()];
            for (int i = 0; i < numbers.length; i++) {
                if (!row.get(i).isIntegralNumber() || !row.get(i).canConvertToLong()) {
                    throw refuse(key, row.get(i), ROWS);
                }
                numbers[i] = row.get(i).longValue();
            }
            rows.add(numbers);
        }
        return Collections.unmodifiableList(rows);
    }

    /**
     * Returns an object that must be there.
     *
     * @param key the key
     * @return its fields; their messages name this key too
     * @throws MalformedModelException if it is absent or not an object
     */
    public JsonFields requireObject(String key) throws MalformedModelException {
        JsonNode value = require(key, "an object");
        if (!value.isObject()) {
            throw refuse(key, value, "an object");
        }
        return new JsonFields(source + ": " + quote(key), value);
    }

    /**
     * Returns an object that must be there and hold nothing but strings.
     *
     * @param key the key
     * @return its keys and values in the order of the text
     * @throws MalformedModelException if it is absent, not an object, or has another value
     */
    public Map<String, String> requireStrings(String key) throws MalformedModelException {
        JsonFields strings = requireObject(key);
        Map<String, String> map = new LinkedHashMap<>();
        for (String name : strings.keys()) {
            map.put(name, strings.requireString(name));
        }
        return Collections.unmodifiableMap(map);
    }

    /**
     * Returns the exception for a value that has the right type and is still not acceptable.
     *
     * @param key the key
     * @param allowed what is allowed
     * @return the exception, to be thrown
     */
    public MalformedModelException refuse(String key, String allowed) {
        return refuse(key, object.path(key), allowed);
    }

    static String describe(JsonNode value) {
        return value.isMissingNode() ? "nothing" : shorten(value.toString());
    }

    private int toInt(String key, JsonNode value, int min, int max) throws MalformedModelException {
        if (!value.isIntegralNumber()
                || !value.canConvertToInt()
                || value.intValue() < min
                || value.intValue() > max) {
            throw refuse(key, value, integers(min, max));
        }
        return value.intValue();
    }

    private JsonNode require(String key, String allowed) throws MalformedModelException {
        if (!has(key)) {
            throw refuse(key, object.path(key), allowed);
        }
        return object.get(key);
    }

    private MalformedModelException refuse(String key, JsonNode found, String allowed) {
        return new MalformedModelException(
                String.format(
                        "%s: %s must be %s, found %s",
                        source, quote(key), allowed, describe(found)));
    }

    private static String integers(long min, long max) {
        return "an integer from " + min + " to " + max;
    }

    private static String quote(String key) {
        return '"' + shorten(key) + '"';
    }

    private static String shorten(String text) {
        return text.length() <= MAX_QUOTE ? text : text.substring(0, MAX_QUOTE) + "...";
    }
}
