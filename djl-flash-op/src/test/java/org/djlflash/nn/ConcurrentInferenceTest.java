package org.djlflash.nn;

import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.translate.NoopTranslator;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.djlflash.testkit.Closeness;
import org.junit.jupiter.api.Test;

/** One block under many predictors. */
class ConcurrentInferenceTest {

    private static final int THREADS = 8;
    private static final int ROUNDS = 40;
    private static final int BATCH = 3;
    private static final int TOKENS = 5;

    @Test
    void manyThreadsSeeWhatOneSees() throws Exception {
        Engine.getInstance().setRandomSeed(7);
        try (Model model = Model.newInstance("bert")) {
            FlashBertBlock block =
                    BertFixture.flash().optSlicePositions(true).optPoolFirstToken(true).build();
            Blocks.initialize(
                    block, model.getNDManager(), BertFixture.shapes(BATCH, BertFixture.TOKENS));
            model.setBlock(block);
            List<double[]> expected = predict(model, new CountDownLatch(0));
            ExecutorService threads = Executors.newFixedThreadPool(THREADS);
            try {
                CountDownLatch start = new CountDownLatch(THREADS);
                List<Future<List<double[]>>> results = new ArrayList<>();
                for (int i = 0; i < THREADS; i++) {
                    results.add(threads.submit(() -> predict(model, start)));
                }
                for (Future<List<double[]>> result : results) {
                    List<double[]> actual = result.get(10, TimeUnit.MINUTES);
                    for (int round = 0; round < ROUNDS; round++) {
                        Closeness.assertClose(
                                "round " + round, expected.get(round), actual.get(round), 1e-6);
                    }
                }
            } finally {
                threads.shutdownNow();
            }
        }
    }

    private static List<double[]> predict(Model model, CountDownLatch start) throws Exception {
        List<double[]> outputs = new ArrayList<>();
        start.countDown();
        start.await();
        try (Predictor<NDList, NDList> predictor = model.newPredictor(new NoopTranslator(null));
                NDManager manager = NDManager.newBaseManager()) {
            for (int round = 0; round < ROUNDS; round++) {
                NDList inputs = BertFixture.inputs(manager, round, BATCH, TOKENS);
                try (NDList output = predictor.predict(inputs)) {
                    outputs.add(Closeness.toDoubles(output.get(1)));
                }
            }
        }
        return outputs;
    }
}
