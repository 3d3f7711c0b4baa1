package org.djlflash.examples.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.djlflash.zoo.generate.sampling.SamplingOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GenerationReportTest {

    private static final GenerationBench.Settings SETTINGS =
            new GenerationBench.Settings(GenerationModel.GPT2, SamplingOptions.greedy(), 8, 1, 1);

    /** 2 GB at 4,000 GB/s are 500 us. */
    private static final GenerationBench.Result RESULT =
            new GenerationBench.Result(625, 12, 2_000_000_000L);

    @Test
    void setsTheTimeBesideThatOfReading() {
        GenerationReport report = new GenerationReport(SETTINGS);
        report.memory(4000);
        report.measured(new DecodeCase(4, 256), RESULT);
        assertEquals(
                "4x256    625.0      6400     2000            8000      80 %         12",
                report.lines().get(1));
        assertEquals(6400.0, (double) report.json().get("tokens_per_s"), 1e-9);
        assertEquals(0.8, (double) report.json().get("of_limit"), 1e-9);
        assertEquals("gpt2", report.json().get("model"));
    }

    @Test
    void drawsAPicture(@TempDir Path folder) throws IOException {
        GenerationPlot plot = new GenerationPlot(GenerationModel.LLAMA);
        plot.memory(4000);
        plot.measured(new DecodeCase(1, 256), RESULT);
        plot.measured(new DecodeCase(1, 1024), RESULT);
        plot.measured(new DecodeCase(8, 1024), RESULT);
        Path file = folder.resolve("plot.png");
        plot.write(file);
        BufferedImage image = ImageIO.read(file.toFile());
        assertEquals(900, image.getWidth());
        long colours =
                IntStream.range(0, 900 * 500)
                        .map(place -> image.getRGB(place % 900, place / 900))
                        .distinct()
                        .count();
        assertTrue(colours > 4, colours + " colours");
    }
}
