package org.djlflash.cuda.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.djlflash.cuda.config.CudaSetting;
import org.djlflash.cuda.plan.DeviceInfo;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CudaLibraryTest {

    @TempDir private Path temporary;

    @AfterEach
    void clear() {
        System.clearProperty(CudaSetting.CACHE_FOLDER.property());
        System.clearProperty(CudaSetting.NVRTC.property());
    }

    @Test
    void withoutAGpuThereIsAReasonAndNoSurprise() {
        Assumptions.assumeFalse(CudaLibrary.isAvailable(), "this machine has a GPU");

        String reason = CudaLibrary.unavailabilityCause().orElseThrow();

        assertFalse(reason.isBlank());
        assertEquals(List.of(), CudaLibrary.devices());
        assertEquals(0, CudaLibrary.driverVersion());
        IllegalStateException e =
                assertThrows(IllegalStateException.class, CudaLibrary::ensureAvailable);
        assertTrue(e.getMessage().contains(reason), e::getMessage);
        DeviceInfo device = new DeviceInfo(0, "H100", 9, 0, 132, 232448);
        assertThrows(IllegalStateException.class, () -> new AttentionLauncher(device, List.of()));
    }

    @Test
    void diagnosisNamesWhatIsMissing() {
        System.setProperty(CudaSetting.CACHE_FOLDER.property(), temporary.resolve("c").toString());
        System.setProperty(CudaSetting.NVRTC.property(), "/nowhere/libnvrtc.so");

        CudaDiagnosis diagnosis = CudaDiagnosis.take(List.of());

        assertEquals(CudaLibrary.isAvailable(), diagnosis.available());
        String lines = String.join("\n", diagnosis.lines());
        assertTrue(lines.contains("driver: "), lines);
        assertTrue(lines.contains("/nowhere/libnvrtc.so"), lines);
        assertTrue(lines.contains(temporary.resolve("c") + ", 0 compiled kernels"), lines);
    }
}
