package org.djlflash.cuda.launch;

import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What {@link JCudaNativesTest} runs: loads JCuda and logs the outcome. */
final class LoadJCuda {

    private static final Logger LOG = LoggerFactory.getLogger(LoadJCuda.class);

    private LoadJCuda() {}

    /**
     * Runs the load.
     *
     * @param arguments none
     * @throws IOException if the library cannot be unpacked
     */
    public static void main(String[] arguments) throws IOException {
        try {
            JCudaNatives.load();
            LOG.warn("loaded");
        } catch (LinkageError e) {
            LOG.warn("not loaded", e);
        }
        LOG.warn("java.io.tmpdir={}", System.getProperty("java.io.tmpdir"));
    }
}
