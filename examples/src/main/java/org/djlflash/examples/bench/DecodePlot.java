package org.djlflash.examples.bench;

import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.CategorySeries.CategorySeriesRenderStyle;
import org.knowm.xchart.style.Styler.LegendPosition;

/** Draws what {@code bench decode} measured: the bandwidth of every backend by case. */
public final class DecodePlot {

    private static final String READ = "plain read";
    private static final int WIDTH = 1000;
    private static final int HEIGHT = 500;
    private static final double GIGA_IN_TERA = 1e3;

    private final DecodeBench.Settings settings;
    private final List<String> cases = new ArrayList<>();
    private final Map<String, List<Double>> series = new LinkedHashMap<>();

    /**
     * Starts a plot.
     *
     * @param settings what is measured
     */
    public DecodePlot(DecodeBench.Settings settings) {
        this.settings = settings;
        series.put(READ, new ArrayList<>());
        settings.backends().forEach(backend -> series.put(backend.toString(), new ArrayList<>()));
    }

    /**
     * Adds a result; what could not be measured leaves a gap.
     *
     * @param c the case
     * @param result the result
     */
    public void add(DecodeCase c, DecodeBench.Result result) {
        cases.add(c.toString());
        series.get(READ).add(terabytesPerSecond(c, result.read()));
        for (BackendName backend : settings.backends()) {
            Timing timing = result.attention().timings().get(backend);
            series.get(backend.toString()).add(terabytesPerSecond(c, timing));
        }
    }

    private Double terabytesPerSecond(DecodeCase c, Timing timing) {
        if (timing == null) {
            return null;
        }
        long bytes = c.bytes(settings.keyHeads(), settings.headSize(), DecodeReport.ELEMENT_BYTES);
        return DecodeCase.gigabytesPerSecond(bytes, timing.microseconds()) / GIGA_IN_TERA;
    }

    /**
     * Writes the plot.
     *
     * @param file a PNG file, overwritten
     * @throws IOException if it cannot be written
     */
    public void write(Path file) throws IOException {
        CategoryChart chart =
                new CategoryChartBuilder()
                        .width(WIDTH)
                        .height(HEIGHT)
                        .title(
                                "Decode: one new token a row, %d query and %d key heads of %d, fp16"
                                        .formatted(
                                                settings.queryHeads(),
                                                settings.keyHeads(),
                                                settings.headSize()))
                        .xAxisTitle("batch x keys")
                        .yAxisTitle("keys and values read, TB/s")
                        .build();
        chart.getStyler().setDefaultSeriesRenderStyle(CategorySeriesRenderStyle.Line);
        chart.getStyler().setLegendPosition(LegendPosition.OutsideE);
        chart.getStyler().setChartBackgroundColor(Color.WHITE);
        chart.getStyler().setYAxisMin(0.0);
        series.forEach((name, values) -> chart.addSeries(name, cases, values));
        Files.write(file, BitmapEncoder.getBitmapBytes(chart, BitmapFormat.PNG));
    }
}
