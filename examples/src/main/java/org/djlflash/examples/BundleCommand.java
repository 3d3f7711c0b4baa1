package org.djlflash.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Packs everything but libtorch for a host without network, Maven or JDK. */
@Command(
        name = "bundle",
        description =
                "Packs jars, test jars, model and Java runtime for a host without network, Maven or"
                        + " JDK. There, PYTORCH_LIBRARY_PATH names the folder of libtorch.",
        mixinStandardHelpOptions = true)
final class BundleCommand extends ModelCommand {

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "The new folder; the archive is DIR.tar.xz. Default: dist/djl-flash.")
    private Path out;

    @Option(
            names = "--archive",
            negatable = true,
            defaultValue = "true",
            fallbackValue = "true",
            description = "Make the archive too, or leave it out. Default: make it.")
    private boolean archive;

    @Override
    public Integer call() throws Exception {
        Path home = home();
        Path folder = out == null ? home.resolve("dist/djl-flash") : out.toAbsolutePath();
        if (Files.exists(folder) && out != null) {
            throw new IllegalArgumentException("--out " + out + " exists, allowed is a new folder");
        }
        Map<String, Object> json = new LinkedHashMap<>();
        try (ConsoleProgress progress = progress()) {
            Bundle bundle = new Bundle(home, folder, progress);
            bundle.assemble();
            json.put("folder", folder.toString());
            json.put("folder_bytes", size(folder));
            sayf("%s: %d MB", folder, size(folder) / 1_000_000);
            if (archive) {
                Path file = bundle.pack();
                json.put("archive", file.toString());
                json.put("archive_bytes", Files.size(file));
                sayf("%s: %.1f MB", file, Files.size(file) / 1e6);
            }
        }
        report(json);
        return 0;
    }

    private static Path home() {
        String home = System.getProperty("djlflash.home");
        if (home == null || !Files.isRegularFile(Path.of(home, "pom.xml"))) {
            throw new IllegalStateException(
                    "a bundle is made from a checkout: run bin/djl-flash bundle there");
        }
        return Path.of(home);
    }

    private static long size(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile)
                    .mapToLong(file -> file.toFile().length())
                    .sum();
        }
    }
}
