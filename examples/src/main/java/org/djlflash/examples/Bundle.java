package org.djlflash.examples;

import ai.djl.util.Progress;
import ai.djl.util.Utils;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

/**
 * A folder that runs without network, Maven or JDK: {@code bin} with the launchers, {@code lib} and
 * {@code test-lib} with the jars, {@code runtime} with Java. libtorch is left out: a GPU host has
 * its own.
 */
final class Bundle {

    private static final List<String> MODULES =
            List.of("native-cuda", "djl-flash-op", "model-zoo", "examples");

    /** The Java modules that DJL, JNA, Jackson and JUnit use. */
    private static final String JAVA_MODULES =
            "java.base,java.desktop,java.logging,java.management,java.naming,java.net.http,java.sql,"
                    + "java.xml,jdk.unsupported,jdk.zipfs";

    /** Parts of JCuda that nothing here calls. */
    private static final Pattern UNUSED = Pattern.compile("lib/libJ(NvPTXCompiler|CudaRuntime)-.*");

    /** Native libraries in jars, by platform. */
    private static final Pattern NATIVE =
            Pattern.compile("(native/lib|jnilib)/(?<platform>(linux|osx|win)-[^/]+)/.*");

    private static final String PLATFORM = "linux-x86_64";

    private static final int EXECUTABLE = 0755;
    private static final int PLAIN = 0644;

    private final Path home;
    private final Path folder;
    private final Progress progress;

    /**
     * Plans a bundle.
     *
     * @param home the checkout, built
     * @param folder the new folder; what is there is replaced
     * @param progress what is told of the progress
     */
    Bundle(Path home, Path folder, Progress progress) {
        this.home = home;
        this.folder = folder;
        this.progress = progress;
    }

    /** Fills the folder. */
    void assemble() throws IOException {
        progress.reset("Assembling", 3);
        Utils.deleteQuietly(folder);
        Path bin = Files.createDirectories(folder.resolve("bin"));
        for (String script : List.of("djl-flash", "gpu-tests")) {
            Files.copy(home.resolve("bin").resolve(script), bin.resolve(script));
        }
        copyJars(home.resolve("examples/target/lib"), "*.jar", "lib");
        for (String module : MODULES) {
            copyJars(home.resolve(module).resolve("target"), "*-tests.jar", "test-lib");
        }
        copyJars(home.resolve("examples/target"), "examples-*[!s].jar", "lib");
        copyJars(home.resolve("examples/target/test-lib"), "*.jar", "test-lib");
        progress.update(1);
        linkRuntime();
        progress.update(3);
        progress.end();
    }

    private void copyJars(Path from, String glob, String to) throws IOException {
        Path target = Files.createDirectories(folder.resolve(to));
        int copied = 0;
        try (DirectoryStream<Path> jars = Files.newDirectoryStream(from, glob)) {
            for (Path jar : jars) {
                String name = jar.getFileName().toString();
                boolean wanted = !name.startsWith("pytorch-native") && !isDocumentation(name);
                if (wanted) {
                    copyForPlatform(jar, target.resolve(name));
                    copied++;
                }
            }
        }
        if (copied == 0) {
            throw new IOException("no " + glob + " in " + home.relativize(from) + ": build first");
        }
    }

    private static boolean isDocumentation(String jar) {
        return jar.endsWith("-sources.jar") || jar.endsWith("-javadoc.jar");
    }

    /** Copies a jar without native libraries that are for other platforms, or not called. */
    static void copyForPlatform(Path jar, Path target) throws IOException {
        try (ZipInputStream in = new ZipInputStream(Files.newInputStream(jar));
                ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(target))) {
            for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
                if (isUsed(entry.getName())) {
                    ZipEntry copy = new ZipEntry(entry.getName());
                    copy.setTime(entry.getTime());
                    out.putNextEntry(copy);
                    in.transferTo(out);
                }
            }
        }
    }

    private static boolean isUsed(String entry) {
        Matcher library = NATIVE.matcher(entry);
        boolean foreign = library.matches() && !library.group("platform").equals(PLATFORM);
        return !foreign && !UNUSED.matcher(entry).matches();
    }

    private void linkRuntime() throws IOException {
        ToolProvider jlink =
                ToolProvider.findFirst("jlink")
                        .orElseThrow(
                                () ->
                                        new IOException(
                                                "this Java has no jlink: use a JDK, 17 or newer"));
        StringWriter text = new StringWriter();
        PrintWriter log = new PrintWriter(text);
        int status =
                jlink.run(
                        log,
                        log,
                        "--add-modules",
                        JAVA_MODULES,
                        "--output",
                        folder.resolve("runtime").toString(),
                        "--strip-java-debug-attributes",
                        "--no-header-files",
                        "--no-man-pages");
        if (status != 0) {
            throw new IOException("jlink failed with status " + status + ": " + text);
        }
    }

    /** Packs the folder into an archive beside it. */
    Path pack() throws IOException {
        List<Path> files;
        try (Stream<Path> walk = Files.walk(folder)) {
            files = walk.filter(Files::isRegularFile).sorted().toList();
        }
        Path archive = folder.resolveSibling(folder.getFileName() + ".tar.xz");
        progress.reset("Packing", files.size());
        try (OutputStream file = new BufferedOutputStream(Files.newOutputStream(archive));
                OutputStream xz = new XZOutputStream(file, new LZMA2Options());
                TarArchiveOutputStream tar = new TarArchiveOutputStream(xz)) {
            tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
            for (Path source : files) {
                String name = folder.getParent().relativize(source).toString();
                TarArchiveEntry entry = new TarArchiveEntry(source.toFile(), name);
                entry.setMode(Files.isExecutable(source) ? EXECUTABLE : PLAIN);
                tar.putArchiveEntry(entry);
                try (InputStream in = Files.newInputStream(source)) {
                    in.transferTo(tar);
                }
                tar.closeArchiveEntry();
                progress.increment(1);
            }
        }
        progress.end();
        return archive;
    }
}
