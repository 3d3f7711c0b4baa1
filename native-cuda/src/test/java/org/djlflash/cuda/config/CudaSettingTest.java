package org.djlflash.cuda.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CudaSettingTest {

    @AfterEach
    void clear() {
        System.clearProperty(CudaSetting.COMPILE.property());
        System.clearProperty(CudaSetting.CACHE_FOLDER.property());
    }

    @Test
    void switchesAreOnUnlessSetToFalse() {
        assertTrue(CudaSetting.COMPILE.isOn());
        System.setProperty(CudaSetting.COMPILE.property(), " False ");
        assertFalse(CudaSetting.COMPILE.isOn());
        System.setProperty(CudaSetting.COMPILE.property(), "");
        assertTrue(CudaSetting.COMPILE.isOn());
        assertFalse(CudaSetting.HOPPER_DECODE.isOn());
    }

    @Test
    void anythingElseIsRefusedWithTheNameOfTheSetting() {
        System.setProperty(CudaSetting.COMPILE.property(), "off");

        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, CudaSetting.COMPILE::isOn);

        assertTrue(e.getMessage().contains(CudaSetting.COMPILE.property()));
        assertTrue(e.getMessage().contains("'off'"));
    }

    @Test
    void pathIsReadWhenAsked() {
        assertEquals(Optional.empty(), CudaSetting.CACHE_FOLDER.path());
        System.setProperty(CudaSetting.CACHE_FOLDER.property(), "/some/folder");
        assertEquals(Optional.of(Path.of("/some/folder")), CudaSetting.CACHE_FOLDER.path());
    }

    @ParameterizedTest
    @EnumSource
    void everySettingIsDocumented(CudaSetting setting) throws IOException {
        String page = Files.readString(Path.of("docs/jit-cache.md"));

        assertTrue(
                page.contains(
                        "| `%s` | `%s` |"
                                .formatted(setting.property(), setting.environmentVariable())));
    }
}
