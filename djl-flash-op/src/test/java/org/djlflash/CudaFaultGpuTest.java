package org.djlflash;

import java.io.IOException;
import java.nio.file.Path;
import org.djlflash.testkit.ChildCases;
import org.djlflash.testkit.RequiresGpu;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Faults around a GPU, in a child JVM: those that are not contained end it. */
@RequiresGpu
class CudaFaultGpuTest {

    private static ChildCases cases;

    @BeforeAll
    static void runAll(@TempDir Path folder) throws IOException, InterruptedException {
        cases = ChildCases.run(folder, CudaFault.class);
    }

    @ParameterizedTest
    @EnumSource
    void isContained(CudaFault fault) {
        cases.assertPassed(fault);
    }

    @Test
    void theJvmEndsCleanly() {
        cases.assertCleanExit();
    }
}
