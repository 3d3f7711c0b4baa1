package org.djlflash.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.djlflash.examples.train.TrainingCurve;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The losses of a training as a picture. */
final class LossPlot {

    private static final int WIDTH = 900;
    private static final int HEIGHT = 500;

    private LossPlot() {}

    /** Draws the losses of the steps and of held-out samples over the steps. */
    static void write(TrainingCurve curve, Path png) throws IOException {
        XYChart chart =
                new XYChartBuilder()
                        .width(WIDTH)
                        .height(HEIGHT)
                        .title("Training")
                        .xAxisTitle("step")
                        .yAxisTitle("loss")
                        .build();
        List<Integer> steps = new ArrayList<>();
        for (int step = 1; step <= curve.losses().size(); step++) {
            steps.add(step);
        }
        if (!steps.isEmpty()) {
            chart.addSeries("batches", steps, curve.losses()).setMarker(SeriesMarkers.NONE);
        }
        chart.addSeries(
                "held out",
                new ArrayList<>(curve.heldOut().keySet()),
                new ArrayList<>(curve.heldOut().values()));
        Files.write(png, BitmapEncoder.getBitmapBytes(chart, BitmapFormat.PNG));
    }
}
