package org.djlflash;

import ai.djl.Device;
import ai.djl.ndarray.types.DataType;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Outputs and gradients of every CPU backend against attention in double precision. */
class AttendNumericsTest {

    static Stream<AttendCases.Case> cases() {
        return Stream.concat(
                AttendCases.of(Backend.TORCH_SDPA, DataType.FLOAT32).stream(),
                AttendCases.of(Backend.REFERENCE, DataType.FLOAT64).stream());
    }

    @ParameterizedTest
    @MethodSource("cases")
    void matchesDoublePrecision(AttendCases.Case c) {
        AttendCases.check(c, Device.cpu());
    }
}
