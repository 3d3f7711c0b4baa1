package org.djlflash.testkit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assertions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Test cases that end the JVM if the code under test is wrong, run one after the other in a child.
 *
 * <p>Cases are the constants of an enum that implements {@link Case}.
 */
public final class ChildCases {

    private static final Logger logger = LoggerFactory.getLogger(ChildCases.class);

    private static final String PASSED = "passed";

    private final ChildJvm.Outcome outcome;
    private final Map<String, String> results;

    private ChildCases(ChildJvm.Outcome outcome, Map<String, String> results) {
        this.outcome = outcome;
        this.results = results;
    }

    /** One case. */
    public interface Case {

        /** Runs the case; fails by throwing. */
        void run();
    }

    /**
     * Runs all cases of an enum.
     *
     * @param folder an empty folder
     * @param cases the enum
     * @return what became of them
     */
    public static ChildCases run(Path folder, Class<? extends Case> cases)
            throws IOException, InterruptedException {
        Path file = Files.createFile(folder.resolve("results"));
        ChildJvm.Outcome outcome =
                ChildJvm.run(
                        folder,
                        120,
                        List.of("-Xmx256m"),
                        ChildCases.class,
                        cases.getName(),
                        file.toString());
        Map<String, String> results = new HashMap<>();
        for (String line : Files.readAllLines(file)) {
            String[] parts = line.split("\t", 2);
            results.put(parts[0], parts[1]);
        }
        return new ChildCases(outcome, results);
    }

    /**
     * Demands that a case passed.
     *
     * @param name the case
     */
    public void assertPassed(Enum<?> name) {
        String result =
                results.getOrDefault(
                        name.name(), "the JVM ended with code " + outcome.exitCode() + " before");
        Assertions.assertEquals(PASSED, result, outcome::output);
    }

    /** Demands that the JVM then ended of itself. */
    public void assertCleanExit() {
        Assertions.assertTrue(outcome.clean(), outcome::toString);
    }

    /**
     * Runs in the child.
     *
     * @param arguments the enum's name and the file of the results
     */
    public static void main(String... arguments) throws IOException, ClassNotFoundException {
        Path file = Path.of(arguments[1]);
        for (Object constant : Class.forName(arguments[0]).getEnumConstants()) {
            String result = PASSED;
            try {
                ((Case) constant).run();
            } catch (RuntimeException | AssertionError e) {
                logger.error("{} failed", constant, e);
                result = e.toString().replaceAll("\\s+", " ");
            }
            String line = ((Enum<?>) constant).name() + "\t" + result + "\n";
            Files.writeString(file, line, StandardOpenOption.APPEND);
        }
    }
}
