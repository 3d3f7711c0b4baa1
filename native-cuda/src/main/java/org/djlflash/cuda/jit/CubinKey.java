package org.djlflash.cuda.jit;

import java.util.ArrayList;
import java.util.List;
import org.djlflash.cuda.plan.KernelVariant;

/** The name of a piece of machine code: a hash over all that it is made from. Stateless. */
public final class CubinKey {

    private CubinKey() {}

    /**
     * Returns the key of a kernel whatever compiler made it, as used for the cubins in the jar.
     *
     * @param source the whole source
     * @param variant the compile-time values and the architecture
     * @return 64 hexadecimal digits
     */
    public static String of(String source, KernelVariant variant) {
        List<String> parts = new ArrayList<>();
        parts.add(variant.functionName());
        parts.add(source);
        parts.addAll(variant.compilerOptions());
        return Sha256.hexOf(parts);
    }

    /**
     * Returns the key of a kernel as one compiler makes it, as used for the disk cache: a new
     * compiler does not get the code of an old one.
     *
     * @param source the whole source
     * @param variant the compile-time values and the architecture
     * @param compiler the identity of the compiler
     * @return 64 hexadecimal digits
     */
    public static String of(String source, KernelVariant variant, String compiler) {
        return Sha256.hexOf(List.of(of(source, variant), compiler));
    }
}
