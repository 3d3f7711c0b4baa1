package org.djlflash.examples.train;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** The losses of a training so far. Not thread-safe. */
public final class TrainingCurve {

    private final List<Float> losses = new ArrayList<>();

    /** By the number of steps before. */
    private final TreeMap<Integer, Double> heldOut = new TreeMap<>();

    /** Creates an empty curve. */
    TrainingCurve() {}

    /** Reads what {@link #write} wrote. */
    static TrainingCurve read(DataInputStream in) throws IOException {
        TrainingCurve curve = new TrainingCurve();
        int steps = in.readInt();
        for (int i = 0; i < steps; i++) {
            curve.losses.add(in.readFloat());
        }
        int measured = in.readInt();
        for (int i = 0; i < measured; i++) {
            curve.heldOut.put(in.readInt(), in.readDouble());
        }
        return curve;
    }

    void write(DataOutputStream out) throws IOException {
        out.writeInt(losses.size());
        for (float loss : losses) {
            out.writeFloat(loss);
        }
        out.writeInt(heldOut.size());
        for (Map.Entry<Integer, Double> one : heldOut.entrySet()) {
            out.writeInt(one.getKey());
            out.writeDouble(one.getValue());
        }
    }

    void add(float loss) {
        losses.add(loss);
    }

    void measured(double loss) {
        heldOut.put(losses.size(), loss);
    }

    /**
     * Returns the loss of each step's batch.
     *
     * @return the losses
     */
    public List<Float> losses() {
        return Collections.unmodifiableList(losses);
    }

    /**
     * Returns the losses of held-out samples.
     *
     * @return by the number of steps before
     */
    public Map<Integer, Double> heldOut() {
        return Collections.unmodifiableMap(heldOut);
    }

    /**
     * Returns when held-out samples had the lowest loss.
     *
     * @return the number of steps before
     */
    public int bestStep() {
        return heldOut.entrySet().stream().min(Map.Entry.comparingByValue()).orElseThrow().getKey();
    }

    /** Returns how many measurements there were since the best one. */
    int sinceBest() {
        return heldOut.tailMap(bestStep(), false).size();
    }

    /**
     * Writes the curve as CSV.
     *
     * @return its lines: step, loss, held-out loss where measured
     */
    public List<String> csv() {
        List<String> lines = new ArrayList<>(List.of("step,loss,held_out_loss"));
        for (int step = 0; step <= losses.size(); step++) {
            Double measured = heldOut.get(step);
            if (step > 0 || measured != null) {
                lines.add(
                        step
                                + ","
                                + (step == 0 ? "" : number(losses.get(step - 1)))
                                + ","
                                + (measured == null ? "" : number(measured)));
            }
        }
        return lines;
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.6f", value);
    }
}
