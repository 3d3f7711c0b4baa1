package org.djlflash;

import java.io.IOException;
import java.nio.file.Path;
import org.djlflash.testkit.RequiresGpu;
import org.djlflash.testkit.SoakJvm;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Neither the GPU's memory nor the process grows, however many calls there are. */
@RequiresGpu
class CudaSoakGpuTest {

    @Test
    void doesNotGrow(@TempDir Path folder) throws IOException, InterruptedException {
        SoakJvm.assertClean(folder, CudaSoak.class);
    }
}
