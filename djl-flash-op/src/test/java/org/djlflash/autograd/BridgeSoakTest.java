package org.djlflash.autograd;

import java.io.IOException;
import java.nio.file.Path;
import org.djlflash.testkit.SoakJvm;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Native memory does not grow, however often the bridge is crossed. */
class BridgeSoakTest {

    @ParameterizedTest
    @EnumSource
    void doesNotGrow(BridgeSoak soak, @TempDir Path folder)
            throws IOException, InterruptedException {
        SoakJvm.assertClean(folder, BridgeSoak.class, soak.name());
    }
}
