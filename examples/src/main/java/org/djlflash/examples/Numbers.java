package org.djlflash.examples;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * The value of an option that takes whole numbers, separated by commas; for picocli an array would
 * mean that the option may be repeated.
 */
record Numbers(List<Integer> values) {

    /** Reads the value. */
    static final class Converter implements ITypeConverter<Numbers> {

        @Override
        public Numbers convert(String text) {
            try {
                return new Numbers(
                        Stream.of(text.split(",", -1))
                                .map(number -> Integer.valueOf(number.strip()))
                                .toList());
            } catch (NumberFormatException e) {
                throw new TypeConversionException(
                        "'" + text + "', allowed are whole numbers, separated by commas");
            }
        }
    }

    @Override
    public String toString() {
        return values.stream().map(String::valueOf).collect(Collectors.joining(","));
    }
}
