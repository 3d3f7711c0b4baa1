package org.djlflash.autograd;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.djlflash.testkit.ChildJvm;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A JVM in which PyTorch called Java ends like any other. */
class JvmExitTest {

    private static final int START_SECONDS = 15;

    @Test
    void endsAfterTraining(@TempDir Path folder) throws IOException, InterruptedException {
        ChildJvm.Outcome outcome =
                ChildJvm.run(
                        folder,
                        START_SECONDS + ChildJvm.EXIT_SECONDS,
                        List.of(),
                        TrainingMain.class);
        assertTrue(outcome.clean(), outcome::toString);
    }
}
