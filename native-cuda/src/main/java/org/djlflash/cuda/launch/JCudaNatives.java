package org.djlflash.cuda.launch;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import jcuda.JCudaVersion;
import jcuda.LibUtils;
import jcuda.driver.JCudaDriver;
import org.djlflash.cuda.jit.Sha256;

/**
 * Loads JCuda's native library. Left alone, JCuda would load whatever file of the expected name
 * lies in the shared folder for temporary files. So the library is unpacked here, into a fresh
 * folder that only this user can enter, and that folder is named as the one for temporary files
 * while JCuda's class is initialised. Thread-safe.
 */
final class JCudaNatives {

    private static final String TEMPORARY_FOLDER = "java.io.tmpdir";

    private JCudaNatives() {}

    /**
     * Loads the library; does nothing when JCuda is loaded already.
     *
     * @throws IOException if the library cannot be unpacked
     * @throws LinkageError if it cannot be loaded
     */
    static synchronized void load() throws IOException {
        Path folder = Files.createTempDirectory("djl-flash");
        Path library = folder.resolve(fileName());
        try {
            unpack(library);
            initialise(folder);
        } finally {
            // The library is mapped by now, its file is no longer needed.
            Files.deleteIfExists(library);
            Files.deleteIfExists(folder);
        }
    }

    /** The name that JCuda will look for. */
    static String fileName() {
        String name = "JCudaDriver-" + JCudaVersion.get();
        return LibUtils.createLibraryFileName(LibUtils.createPlatformLibraryName(name));
    }

    private static void unpack(Path library) throws IOException {
        String resource = "/lib/" + library.getFileName();
        try (InputStream in = JCudaDriver.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IOException("The class path has no " + resource + " (jcuda-natives).");
            }
            byte[] content = in.readAllBytes();
            Files.write(library, content);
            if (!Arrays.equals(Sha256.of(content), Sha256.of(Files.readAllBytes(library)))) {
                throw new IOException(library.getFileName() + " was not written in full.");
            }
        }
    }

    private static void initialise(Path folder) throws IOException {
        // Java remembers the folder at its first use: let that be the real one.
        Files.delete(File.createTempFile("djl-flash", null).toPath());
        String before = System.getProperty(TEMPORARY_FOLDER);
        System.setProperty(TEMPORARY_FOLDER, folder.toString());
        try {
            Class.forName(JCudaDriver.class.getName());
        } catch (ClassNotFoundException e) {
            throw new IOException("JCuda is not on the class path.", e);
        } finally {
            System.setProperty(TEMPORARY_FOLDER, before);
        }
    }
}
