package org.djlflash.examples.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.imageio.ImageIO;
import org.djlflash.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tables and JSON. */
class ReportTest {

    /** 4 TFLOP/s a second of it. */
    private static final AttentionCase CASE = new AttentionCase(1, 1, 1_000_000, 1, false);

    private static final List<BackendName> BACKENDS =
            List.of(BackendName.OURS, BackendName.ATTEND, BackendName.FLASH, BackendName.CUDNN);

    private static Measured measured() {
        Measured measured = new Measured();
        measured.time(BackendName.OURS, new Timing(500_000, false));
        measured.time(BackendName.ATTEND, new Timing(1_000_000, true));
        measured.time(BackendName.FLASH, new Timing(1_000_000, false));
        measured.error(BackendName.CUDNN, "wrong: output is off by 1");
        return measured;
    }

    @Test
    void columnsAreAligned() {
        TextTable table = new TextTable(1, List.of("name", "value"));
        table.add(List.of("a", "1"));
        table.add(List.of("longer", "1000"));
        assertEquals(List.of("name    value", "a           1", "longer   1000"), table.lines());
        assertThrows(IllegalArgumentException.class, () -> table.add(List.of("a")));
    }

    @Test
    void attentionRowsShowSpeedsRatiosAndErrors() {
        AttentionReport report = new AttentionReport(ScalarType.FLOAT16, BACKENDS);
        report.add(CASE, Pass.FORWARD, measured());
        List<String> lines = report.lines();
        assertEquals(
                List.of(
                        "forward", "full", "1", "1", "1", "1000000", "8", "4h", "4", "error",
                        "2.00", "1.00"),
                List.of(lines.get(1).split(" +")));
        String text = String.join("\n", lines);
        assertTrue(
                text.contains("forward full H=1 T=1000000, cudnn: wrong: output is off by 1"),
                text);
        assertTrue(text.contains("measured before our kernels are registered"), text);
        assertFalse(text.contains("FLOAT32"), text);
    }

    @Test
    void castsAreMentionedWhereThereAreSome() {
        String text = String.join("\n", new AttentionReport(ScalarType.BFLOAT16, BACKENDS).lines());
        assertTrue(text.contains("attend takes FLOAT32 arrays"), text);
    }

    @Test
    void attentionJsonHasAnObjectForEachBackend() {
        AttentionReport report = new AttentionReport(ScalarType.FLOAT16, BACKENDS);
        List<Map<String, Object>> all = report.json(CASE, Pass.FORWARD, measured());
        assertEquals(4, all.size());
        Map<String, Object> ours = all.get(0);
        assertEquals("attention", ours.get("bench"));
        assertEquals("ours", ours.get("backend"));
        assertEquals(500_000.0, ours.get("microseconds"));
        assertEquals(8.0, (double) ours.get("tflops"), 1e-9);
        assertEquals(2.0, (double) ours.get("speed_to_best_pytorch"), 1e-9);
        assertEquals(true, all.get(1).get("host_bound"));
        Map<String, Object> cudnn = all.get(3);
        assertEquals("wrong: output is off by 1", cudnn.get("error"));
        assertFalse(cudnn.containsKey("microseconds"));
    }

    @Test
    void withoutPyTorchThereIsNoRatio() {
        Measured alone = new Measured();
        alone.time(BackendName.OURS, new Timing(1, false));
        assertTrue(alone.ratio(BackendName.OURS).isEmpty());
        assertTrue(measured().ratio(BackendName.EAGER).isEmpty());
    }

    @Test
    void decodeRowsShowTimesAndBandwidths() {
        DecodeBench.Settings settings =
                new DecodeBench.Settings(
                        16, 2, 128, List.of(BackendName.OURS, BackendName.FLASH), 0, 1);
        Measured measured = new Measured();
        measured.time(BackendName.OURS, new Timing(20, false));
        measured.time(BackendName.FLASH, new Timing(30, false));
        DecodeCase c = new DecodeCase(1, 65536);
        DecodeBench.Result result =
                new DecodeBench.Result(
                        measured, new Timing(16.8, false), List.of(BackendName.FLASH));
        DecodeReport report = new DecodeReport(settings);
        Locale before = Locale.getDefault();
        Locale.setDefault(Locale.GERMANY);
        try {
            report.add(c, result);
        } finally {
            Locale.setDefault(before);
        }
        assertEquals(
                List.of("1x65536", "67.1", "20.0", "30.0", "16.8", "3995", "3355", "1.50"),
                List.of(report.lines().get(1).split(" +")));
        String text = String.join("\n", report.lines());
        assertTrue(text.contains("1x65536: called one by one, not as a graph: [flash]"), text);
        List<Map<String, Object>> all = report.json(c, result);
        assertEquals("graph", all.get(0).get("method"));
        assertEquals("calls", all.get(1).get("method"));
        assertEquals("read", all.get(2).get("backend"));
        assertEquals(67_108_864L, all.get(2).get("bytes"));
    }

    @Test
    void decodePlotIsAPicture(@TempDir Path folder) throws IOException {
        DecodeBench.Settings settings =
                new DecodeBench.Settings(
                        16, 2, 128, List.of(BackendName.OURS, BackendName.FLASH), 0, 1);
        Measured measured = new Measured();
        measured.time(BackendName.OURS, new Timing(20, false));
        measured.error(BackendName.FLASH, "out of memory");
        DecodePlot plot = new DecodePlot(settings);
        for (DecodeCase c : DecodeCase.parse("256x256,1x65536")) {
            plot.add(c, new DecodeBench.Result(measured, new Timing(16.8, false), List.of()));
        }
        Path file = folder.resolve("decode.png");
        plot.write(file);
        BufferedImage image = ImageIO.read(file.toFile());
        assertTrue(image.getWidth() > image.getHeight());
        assertTrue(hasColor(image), "nothing is drawn");
    }

    private static boolean hasColor(BufferedImage image) {
        for (int y = 0; y < image.getHeight(); y++) {
            for (int x = 0; x < image.getWidth(); x++) {
                Color color = new Color(image.getRGB(x, y));
                if (color.getRed() != color.getGreen() || color.getGreen() != color.getBlue()) {
                    return true;
                }
            }
        }
        return false;
    }

    @Test
    void aCaseThatFailedHasARowToo() {
        DecodeBench.Settings settings =
                new DecodeBench.Settings(16, 2, 128, List.of(BackendName.OURS), 0, 1);
        Measured failed = new Measured();
        failed.error(BackendName.OURS, "out of memory");
        DecodeReport report = new DecodeReport(settings);
        DecodeBench.Result result = new DecodeBench.Result(failed, null, List.of());
        report.add(new DecodeCase(1, 8), result);
        assertTrue(report.lines().get(1).contains("error"), report.lines().get(1));
        assertEquals(1, report.json(new DecodeCase(1, 8), result).size());
    }
}
