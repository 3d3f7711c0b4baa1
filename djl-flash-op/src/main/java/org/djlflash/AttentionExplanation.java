package org.djlflash;

import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Which backend takes a request, and why each other one does not. Prints as a short text.
 *
 * @param request the request
 * @param verdicts one for every backend, in the order in which they are tried
 */
public record AttentionExplanation(AttentionRequest request, List<Verdict> verdicts) {

    /**
     * What one backend says.
     *
     * @param backend the backend
     * @param reasons every reason against it, as sentences; empty if it can do it
     * @param chosen whether it is the one taken
     * @param kernels the kernels that it would launch, in their order, each with its compile-time
     *     values and launch size; empty if it cannot do it, or leaves them to PyTorch
     * @param remarks why these are not the fastest kernels there are, as sentences; empty if they
     *     are
     */
    public record Verdict(
            Backend backend,
            List<String> reasons,
            boolean chosen,
            List<String> kernels,
            List<String> remarks) {

        @Override
        public String toString() {
            if (!reasons.isEmpty()) {
                return withItems(backend + ": no", reasons);
            }
            String head = backend + (chosen ? ": chosen" : ": possible");
            return withItems(
                    kernels.isEmpty() ? head : head + ", " + String.join(", ", kernels), remarks);
        }

        private static String withItems(String head, List<String> items) {
            return items.stream()
                    .map(item -> "\n    - " + item)
                    .collect(Collectors.joining("", head, ""));
        }
    }

    /**
     * Keeps the list from being changed later.
     *
     * @param request the request
     * @param verdicts one for every backend
     */
    public AttentionExplanation {
        verdicts = List.copyOf(verdicts);
    }

    /**
     * Returns the backend that is taken.
     *
     * @return the backend, or empty if none fits
     */
    public Optional<Backend> chosen() {
        return verdicts.stream().filter(Verdict::chosen).map(Verdict::backend).findFirst();
    }

    @Override
    public String toString() {
        return verdicts.stream()
                .map(Verdict::toString)
                .collect(Collectors.joining("\n  ", request + "\n  ", ""));
    }
}
