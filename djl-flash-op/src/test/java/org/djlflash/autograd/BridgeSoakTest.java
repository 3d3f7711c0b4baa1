package org.djlflash.autograd;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.djlflash.testkit.ChildJvm;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Native memory does not grow, however often the bridge is crossed. */
class BridgeSoakTest {

    /** Java's own memory is fixed from the start, so that all growth is native. */
    private static final List<String> FLAGS =
            List.of(
                    "-Xms48m",
                    "-Xmx48m",
                    "-XX:+AlwaysPreTouch",
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    "-Dorg.slf4j.simpleLogger.defaultLogLevel=off",
                    "-Dorg.slf4j.simpleLogger.log." + BridgeSoak.class.getName() + "=info");

    @ParameterizedTest
    @EnumSource
    void doesNotGrow(BridgeSoak soak, @TempDir Path folder)
            throws IOException, InterruptedException {
        assumeTrue(
                Files.exists(Path.of("/proc/self/status")),
                "the resident memory is read from /proc/self/status");
        ChildJvm.Outcome outcome = ChildJvm.run(folder, 90, FLAGS, BridgeSoak.class, soak.name());
        assertTrue(outcome.clean(), outcome::toString);
    }
}
