package org.djlflash.torch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.types.DataType;
import com.sun.jna.NativeLibrary;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The numbers and names of element types, against libtorch and DJL. */
class ScalarTypeTest {

    private static final Map<ScalarType, String> SHIM_NAMES =
            Map.of(ScalarType.BOOLEAN, "bool", ScalarType.BFLOAT16, "bfloat16");

    @ParameterizedTest
    @EnumSource
    void codeIsLibtorchs(ScalarType type) {
        String name = SHIM_NAMES.getOrDefault(type, type.name().toLowerCase());
        NativeLibrary library =
                NativeLibrary.getInstance(
                        TorchLibrary.folder()
                                .resolve(System.mapLibraryName("torch_cpu"))
                                .toString());
        int code = library.getFunction("aoti_torch_dtype_" + name).invokeInt(new Object[0]);
        assertEquals(code, type.code());
    }

    @ParameterizedTest
    @EnumSource
    void namesAndSizesAreDjls(ScalarType type) {
        assertSame(type, ScalarType.of(type.code()));
        assertSame(type, ScalarType.of(type.dataType()));
        assertEquals(type.dataType().getNumOfBytes(), type.bytes());
    }

    @Test
    void othersAreRefusedByName() {
        IllegalArgumentException code =
                assertThrows(IllegalArgumentException.class, () -> ScalarType.of(9));
        assertTrue(code.getMessage().contains("9"), code.getMessage());
        IllegalArgumentException name =
                assertThrows(
                        IllegalArgumentException.class, () -> ScalarType.of(DataType.COMPLEX64));
        assertTrue(name.getMessage().contains("complex64"), name.getMessage());
    }
}
