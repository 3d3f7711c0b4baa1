package org.djlflash.cuda.jit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.djlflash.cuda.config.CudaSetting;

/**
 * Lists where an NVRTC library may lie, in the order in which it is tried. An explicit setting is
 * the only place looked at when there is one. Opens nothing. Thread-safe.
 */
final class NvrtcFinder {

    /** Names for the loader's own path, newest first. */
    private static final List<String> LOADER_NAMES =
            List.of("libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so");

    /** As CUDA and libtorch name it; the latter puts a hash into the name. */
    private static final Pattern FILE_NAME =
            Pattern.compile("libnvrtc(-[0-9a-f]+)?\\.so(\\.[0-9.]+)?");

    private static final Pattern BUILTINS_NAME =
            Pattern.compile("libnvrtc-builtins\\.so\\.[0-9.]+");

    private final List<Path> libraryFolders;
    private final UnaryOperator<String> environment;

    /**
     * Creates a finder.
     *
     * @param libraryFolders folders to look at before CUDA's own, such as libtorch's
     * @param environment gives the value of an environment variable, or null
     */
    NvrtcFinder(List<Path> libraryFolders, UnaryOperator<String> environment) {
        this.libraryFolders = List.copyOf(libraryFolders);
        this.environment = environment;
    }

    /**
     * Lists the candidates.
     *
     * @return absolute paths of files, and bare names for the loader's path at the end
     */
    List<String> candidates() {
        var explicit = CudaSetting.NVRTC.path();
        if (explicit.isPresent()) {
            Path path = explicit.get();
            return Files.isDirectory(path) ? librariesIn(path) : List.of(path.toString());
        }
        List<Path> folders = new ArrayList<>(libraryFolders);
        for (String variable : List.of("CUDA_HOME", "CUDA_PATH")) {
            String home = environment.apply(variable);
            if (home != null && !home.isBlank()) {
                folders.add(Path.of(home, "lib64"));
            }
        }
        folders.add(Path.of("/usr/local/cuda/lib64"));
        List<String> found = new ArrayList<>();
        folders.forEach(folder -> found.addAll(librariesIn(folder)));
        found.addAll(LOADER_NAMES);
        return found;
    }

    /**
     * Lists the libraries that NVRTC opens by name at its first compilation. They lie beside it,
     * but the loader does not look there: they have to be open already.
     *
     * @param library the path of NVRTC, or a bare name
     * @return paths, none for a bare name
     */
    static List<String> builtinsOf(String library) {
        Path folder = Path.of(library).getParent();
        return folder == null ? List.of() : librariesIn(folder, BUILTINS_NAME);
    }

    private static List<String> librariesIn(Path folder) {
        return librariesIn(folder, FILE_NAME);
    }

    private static List<String> librariesIn(Path folder, Pattern name) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> name.matcher(file.getFileName().toString()).matches())
                    .filter(NvrtcFinder::isSafe)
                    .map(file -> file.toAbsolutePath().toString())
                    // A version in the name sorts behind the bare link: newest first.
                    .sorted(Comparator.reverseOrder())
                    .toList();
        } catch (IOException ignored) {
            return List.of();
        }
    }

    /** A library that any user may replace is not opened. */
    private static boolean isSafe(Path file) {
        try {
            Path real = file.toRealPath();
            return !othersMayWrite(real) && !othersMayWrite(real.getParent());
        } catch (IOException | UnsupportedOperationException ignored) {
            return false;
        }
    }

    private static boolean othersMayWrite(Path path) throws IOException {
        return Files.getPosixFilePermissions(path).contains(PosixFilePermission.OTHERS_WRITE);
    }
}
