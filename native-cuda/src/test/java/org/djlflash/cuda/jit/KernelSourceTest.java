package org.djlflash.cuda.jit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.regex.Pattern;
import org.djlflash.cuda.plan.KernelVariant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KernelSourceTest {

    private final KernelSource source = new KernelSource();

    @ParameterizedTest
    @ValueSource(
            strings = {
                "forward",
                "backward_row_dot",
                "backward",
                "backward_convert_dq",
                "decode_split",
                "decode_combine",
                "dropout_mask"
            })
    void entriesHoldAllTheyNeedOnce(String entry) {
        KernelVariant variant = new KernelVariant(entry, List.of(), "sm_80");

        String text = source.text(variant.sourceFile());

        assertFalse(text.contains("#include"), "an include was left");
        assertFalse(text.contains("#pragma once"));
        assertEquals(1, count(text, "struct ForwardParams {"));
        assertEquals(1, count(text, variant.functionName() + "("));
        assertTrue(text.startsWith("#line 1 \"" + variant.sourceFile() + "\"\n"));
    }

    @Test
    void missingFileIsNamed() {
        KernelUnavailableException e =
                assertThrows(
                        KernelUnavailableException.class,
                        () -> source.text("attention/entry/none.cu"));

        assertTrue(e.getMessage().contains("attention/entry/none.cu"));
    }

    @Test
    void keyCoversSourceOptionsArchitectureAndCompiler() {
        KernelVariant variant = new KernelVariant("forward", List.of("A=1", "B=2"), "sm_80");
        String key = CubinKey.of("text", variant, "nvrtc 13.0");

        assertEquals(64, key.length());
        assertNotEquals(key, CubinKey.of("text2", variant, "nvrtc 13.0"));
        assertNotEquals(key, CubinKey.of("text", variant, "nvrtc 12.9"));
        assertNotEquals(
                key,
                CubinKey.of(
                        "text",
                        new KernelVariant("forward", List.of("A=1", "B=2"), "sm_90"),
                        "nvrtc 13.0"));
        assertNotEquals(
                key,
                CubinKey.of(
                        "text",
                        new KernelVariant("forward", List.of("A=1B=2"), "sm_80"),
                        "nvrtc 13.0"));
    }

    private static int count(String text, String part) {
        return text.split(Pattern.quote(part), -1).length - 1;
    }
}
