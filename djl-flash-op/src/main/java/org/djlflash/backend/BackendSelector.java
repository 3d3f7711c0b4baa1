package org.djlflash.backend;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.djlflash.AttentionExplanation;
import org.djlflash.AttentionExplanation.Verdict;
import org.djlflash.AttentionRequest;
import org.djlflash.Backend;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Takes the first backend that fits a request. */
public final class BackendSelector {

    private static final Logger logger = LoggerFactory.getLogger(BackendSelector.class);

    private static final List<AttentionBackend> BACKENDS =
            List.of(new CudaBackend(), new TorchSdpaBackend(), new ReferenceBackend());

    private BackendSelector() {}

    /**
     * Chooses a backend.
     *
     * @param request the request
     * @param wish the backend demanded, or empty for the first that fits
     * @return the backend
     * @throws UnsupportedOperationException if none fits, with every backend's reasons
     */
    public static AttentionBackend select(AttentionRequest request, Optional<Backend> wish) {
        for (AttentionBackend backend : BACKENDS) {
            if (isWished(backend, wish) && backend.unsupportedReasons(request).isEmpty()) {
                logger.debug("{}: {}", backend.id(), request);
                return backend;
            }
        }
        throw new UnsupportedOperationException(
                (wish.isPresent()
                                ? "backend " + wish.get() + " does not fit: "
                                : "no backend fits: ")
                        + explain(request, wish));
    }

    /**
     * Asks every backend.
     *
     * @param request the request
     * @param wish the backend demanded, or empty for the first that fits
     * @return what each says
     */
    public static AttentionExplanation explain(AttentionRequest request, Optional<Backend> wish) {
        List<Verdict> verdicts = new ArrayList<>();
        boolean chosen = false;
        for (AttentionBackend backend : BACKENDS) {
            List<String> reasons = List.copyOf(backend.unsupportedReasons(request));
            boolean take = !chosen && reasons.isEmpty() && isWished(backend, wish);
            chosen |= take;
            boolean fits = reasons.isEmpty();
            verdicts.add(
                    new Verdict(
                            backend.id(),
                            reasons,
                            take,
                            fits ? backend.kernels(request) : List.of(),
                            fits ? backend.remarks(request) : List.of()));
        }
        return new AttentionExplanation(request, verdicts);
    }

    private static boolean isWished(AttentionBackend backend, Optional<Backend> wish) {
        return wish.isEmpty() || wish.get() == backend.id();
    }
}
