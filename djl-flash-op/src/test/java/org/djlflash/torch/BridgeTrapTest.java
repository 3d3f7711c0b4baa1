package org.djlflash.torch;

import java.io.IOException;
import java.nio.file.Path;
import org.djlflash.testkit.ChildCases;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The traps of the bridge, in a child JVM. */
class BridgeTrapTest {

    private static ChildCases cases;

    @BeforeAll
    static void runAll(@TempDir Path folder) throws IOException, InterruptedException {
        cases = ChildCases.run(folder, BridgeTrap.class);
    }

    @ParameterizedTest
    @EnumSource
    void isAvoided(BridgeTrap trap) {
        cases.assertPassed(trap);
    }

    @Test
    void theJvmEndsCleanlyAfterNativeThreadsCalledIt() {
        cases.assertCleanExit();
    }
}
