package org.djlflash.cuda.jit;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/**
 * Makes sure that nobody else can put files into a folder whose content will run on the GPU.
 * Stateless.
 */
final class PrivateFolder {

    private static final Set<PosixFilePermission> OWNER_ONLY =
            PosixFilePermissions.fromString("rwx------");

    /** The bit by which a shared folder such as /tmp keeps users from renaming others' files. */
    private static final int STICKY = 01000;

    private PrivateFolder() {}

    /**
     * Creates the folder with mode 0700 if it is missing, and checks it.
     *
     * @param folder the folder
     * @return its real path
     * @throws IOException if it cannot be created, or others may have put something in
     */
    static Path prepare(Path folder) throws IOException {
        Path absolute = folder.toAbsolutePath().normalize();
        if (absolute.getParent() == null) {
            throw refused(absolute, "is the root folder");
        }
        try {
            Files.createDirectories(absolute, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
        } catch (UnsupportedOperationException e) {
            throw refused(absolute, "lies on a file system without owners and modes");
        }
        if (Files.isSymbolicLink(absolute)) {
            throw refused(absolute, "is a symbolic link");
        }
        Path real = absolute.toRealPath();
        Set<PosixFilePermission> mode = Files.getPosixFilePermissions(real);
        if (!mode.contains(PosixFilePermission.OWNER_WRITE) || !Files.isWritable(real)) {
            throw refused(real, "is read-only");
        }
        if (!mode.equals(OWNER_ONLY)) {
            throw refused(
                    real,
                    "has mode " + PosixFilePermissions.toString(mode) + ", rwx------ is needed");
        }
        for (Path parent = real.getParent(); parent != null; parent = parent.getParent()) {
            if (othersMayRename(parent)) {
                throw refused(real, "lies in a folder that others can write to: " + parent);
            }
        }
        if (!Files.getOwner(real, LinkOption.NOFOLLOW_LINKS).equals(ownerOfNewFilesIn(real))) {
            throw refused(real, "belongs to another user");
        }
        return real;
    }

    private static boolean othersMayRename(Path folder) throws IOException {
        Set<PosixFilePermission> mode = Files.getPosixFilePermissions(folder);
        boolean shared =
                mode.contains(PosixFilePermission.GROUP_WRITE)
                        || mode.contains(PosixFilePermission.OTHERS_WRITE);
        return shared && ((int) Files.getAttribute(folder, "unix:mode") & STICKY) == 0;
    }

    /** Java does not tell who we are; the owner of a file that we make does. */
    private static Object ownerOfNewFilesIn(Path folder) throws IOException {
        Path probe = Files.createTempFile(folder, "owner", ".tmp");
        try {
            return Files.getOwner(probe);
        } finally {
            Files.delete(probe);
        }
    }

    private static IOException refused(Path folder, String reason) {
        return new FileSystemException(folder.toString(), null, reason);
    }
}
