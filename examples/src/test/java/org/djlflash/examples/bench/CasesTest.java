package org.djlflash.examples.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.djlflash.examples.bench.AttentionCase.Mask;
import org.junit.jupiter.api.Test;

/** Lists of cases, and the arithmetic that makes speeds of times. */
class CasesTest {

    @Test
    void attentionCasesShareTokensAndFeatures() {
        List<AttentionCase> cases =
                AttentionCase.of(List.of(64, 128), List.of(512, 16384), 16384, 2048, Mask.BOTH);
        assertEquals(8, cases.size());
        assertEquals(new AttentionCase(32, 32, 512, 64, false), cases.get(0));
        assertEquals(new AttentionCase(1, 16, 16384, 128, true), cases.get(7));
        for (AttentionCase c : cases) {
            assertEquals(16384, c.batch() * c.tokens());
            assertEquals(2048, c.heads() * c.headSize());
        }
    }

    @Test
    void aMaskSelects() {
        for (Mask mask : new Mask[] {Mask.FULL, Mask.CAUSAL}) {
            List<AttentionCase> cases = AttentionCase.of(List.of(64), List.of(8, 16), 16, 64, mask);
            assertEquals(2, cases.size());
            assertTrue(cases.stream().allMatch(c -> c.causal() == (mask == Mask.CAUSAL)));
        }
    }

    @Test
    void sizesThatDoNotDivideAreRefused() {
        assertRefused("--lengths 24, allowed are divisors of --tokens 64", 64, 24, 64, 64);
        assertRefused("--head-dims 48, allowed are divisors of --hidden 64", 48, 16, 64, 64);
        assertRefused("--lengths 0", 64, 0, 64, 64);
        assertRefused("--tokens -64", 64, 16, -64, 64);
    }

    private static void assertRefused(
            String message, int headSize, int length, int tokens, int hidden) {
        IllegalArgumentException e =
                assertThrows(
                        IllegalArgumentException.class,
                        () ->
                                AttentionCase.of(
                                        List.of(headSize),
                                        List.of(length),
                                        tokens,
                                        hidden,
                                        Mask.BOTH));
        assertTrue(e.getMessage().contains(message), e.getMessage());
    }

    @Test
    void operationsAreTwoProductsForwardAndFiveBackward() {
        AttentionCase full = new AttentionCase(2, 3, 10, 8, false);
        // Two products of (T x H) by (H x T) size, a multiplication and an addition each.
        assertEquals(2 * 2 * (2 * 3) * (10 * 10) * 8, full.flops(Pass.FORWARD));
        assertEquals(5 * 2 * (2 * 3) * (10 * 10) * 8, full.flops(Pass.BACKWARD));
        assertEquals(7 * 2 * (2 * 3) * (10 * 10) * 8, full.flops(Pass.TRAINING));
        AttentionCase causal = new AttentionCase(2, 3, 10, 8, true);
        assertEquals(full.flops(Pass.FORWARD) / 2, causal.flops(Pass.FORWARD));
    }

    @Test
    void largeCasesDoNotOverflow() {
        AttentionCase c = new AttentionCase(1, 16, 131072, 128, false);
        assertEquals(0x1p2 * 0x1p4 * 0x1p34 * 0x1p7, c.flops(Pass.FORWARD));
        // A second for 140.7 TFLOP.
        assertEquals(140.7, c.teraflops(Pass.FORWARD, 1e6), 0.1);
        assertEquals(0x1p4 * 0x1p34 * 2, c.scoreBytes(2));
    }

    @Test
    void decodeCasesAreRead() {
        assertEquals(
                List.of(new DecodeCase(256, 256), new DecodeCase(1, 65536)),
                DecodeCase.parse("256x256, 1x65536"));
        for (String wrong : new String[] {"", "1", "0x5", "5x0", "1x2,", "-1x2", "9999999999x1"}) {
            IllegalArgumentException e =
                    assertThrows(IllegalArgumentException.class, () -> DecodeCase.parse(wrong));
            assertTrue(e.getMessage().contains("such as 256x256"), e.getMessage());
        }
    }

    @Test
    void bytesAreThoseOfKeysAndValues() {
        long bytes = new DecodeCase(1, 65536).bytes(2, 128, 2);
        assertEquals(67_108_864, bytes);
        assertEquals(67_108_864L * 1024, new DecodeCase(1024, 65536).bytes(2, 128, 2));
        // 67.1 MB in 16.8 microseconds.
        assertEquals(3995, DecodeCase.gigabytesPerSecond(bytes, 16.8), 1);
    }

    @Test
    void cachesReadInTurnExceedTheL2Cache() {
        long cache = 50L << 20;
        for (long bytes : new long[] {1 << 10, 3 << 20, 64L << 20, 4L << 30}) {
            int buffers = DecodeCase.buffers(bytes, cache);
            assertTrue(buffers >= 2 && buffers * bytes >= 5 * cache, bytes + ": " + buffers);
        }
        assertEquals(4, DecodeCase.buffers(64L << 20, cache));
    }
}
