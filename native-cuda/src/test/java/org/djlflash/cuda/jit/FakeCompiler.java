package org.djlflash.cuda.jit;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;
import org.djlflash.cuda.plan.KernelVariant;

/** Makes "machine code" that names what it was made from, and counts. */
final class FakeCompiler implements CubinCompiler {

    private final AtomicInteger calls = new AtomicInteger();
    private final String identity;

    FakeCompiler(String identity) {
        this.identity = identity;
    }

    @Override
    public String identity() {
        return identity;
    }

    @Override
    public byte[] compile(String source, KernelVariant variant) {
        calls.incrementAndGet();
        return cubinOf(variant);
    }

    int calls() {
        return calls.get();
    }

    byte[] cubinOf(KernelVariant variant) {
        return (identity + " made " + variant).repeat(100).getBytes(StandardCharsets.UTF_8);
    }
}
