package org.djlflash.examples.bench;

import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;

/**
 * Draws what {@code bench generation} measured: tokens per second by context, a line for each
 * batch, beside what memory allows. Not thread-safe.
 */
public final class GenerationPlot implements GenerationBench.Listener {

    private static final int WIDTH = 900;
    private static final int HEIGHT = 500;

    private final GenerationModel model;

    /** The lines by their names, each of tokens per second by context. */
    private final Map<String, Map<Double, Double>> lines = new TreeMap<>();

    private double memory;

    /**
     * Starts a plot.
     *
     * @param model what is measured
     */
    public GenerationPlot(GenerationModel model) {
        this.model = model;
    }

    @Override
    public void memory(double gigabytesPerSecond) {
        memory = gigabytesPerSecond;
    }

    @Override
    public void measured(DecodeCase c, GenerationBench.Result result) {
        add("batch " + c.batch(), c, result.microseconds());
        add("batch " + c.batch() + ", limit", c, result.limitMicroseconds(memory));
    }

    private void add(String name, DecodeCase c, double microseconds) {
        lines.computeIfAbsent(name, key -> new TreeMap<>())
                .put((double) c.keys(), c.batch() * 1e6 / microseconds);
    }

    /**
     * Writes the plot.
     *
     * @param file a PNG file, overwritten
     * @throws IOException if it cannot be written
     */
    public void write(Path file) throws IOException {
        XYChart chart =
                new XYChartBuilder()
                        .width(WIDTH)
                        .height(HEIGHT)
                        .title("Generation, " + model + ", random weights, fp16")
                        .xAxisTitle("tokens before")
                        .yAxisTitle("tokens per second")
                        .build();
        chart.getStyler().setLegendPosition(LegendPosition.OutsideE);
        chart.getStyler().setChartBackgroundColor(Color.WHITE);
        chart.getStyler().setXAxisLogarithmic(true);
        chart.getStyler().setYAxisLogarithmic(true);
        lines.forEach(
                (name, points) ->
                        chart.addSeries(
                                name,
                                points.keySet().stream().mapToDouble(x -> x).toArray(),
                                points.values().stream().mapToDouble(y -> y).toArray()));
        Files.write(file, BitmapEncoder.getBitmapBytes(chart, BitmapFormat.PNG));
    }
}
