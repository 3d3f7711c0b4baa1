package org.djlflash.examples;

import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** The command line: one class a subcommand. */
@Command(
        name = "djl-flash",
        description = "FlashAttention for Deep Java Library.",
        mixinStandardHelpOptions = true,
        version = "djl-flash 0.1.0",
        subcommands = {
            GenerateCommand.class,
            ServeCommand.class,
            PerplexityCommand.class,
            EmbedCommand.class,
            SearchCommand.class,
            FineTuneGpt2Command.class,
            FineTuneBertCommand.class,
            ExplainCommand.class,
            DoctorCommand.class,
            BenchCommand.class,
            BundleCommand.class
        })
public final class DjlFlash {

    private DjlFlash() {}

    /**
     * Runs a subcommand and ends the JVM with its exit code: 0, 1 if it failed, 2 if the command
     * line is wrong.
     *
     * @param args the subcommand and its options
     */
    @SuppressWarnings("checkstyle:RegexpSinglelineJava")
    public static void main(String[] args) {
        PrintWriter err = new PrintWriter(System.err, true);
        int status;
        try {
            status = run(new PrintWriter(System.out, true), err, args);
        } catch (OutOfMemoryError | LinkageError e) {
            err.println("djl-flash: " + e);
            status = CommandLine.ExitCode.SOFTWARE;
        }
        System.exit(status);
    }

    /**
     * Runs a subcommand.
     *
     * @param out where results go
     * @param err where errors go
     * @param args the subcommand and its options
     * @return the exit code
     */
    public static int run(PrintWriter out, PrintWriter err, String... args) {
        return new CommandLine(new DjlFlash())
                .setOut(out)
                .setErr(err)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setParameterExceptionHandler(DjlFlash::refuse)
                .setExecutionExceptionHandler(DjlFlash::report)
                .execute(args);
    }

    /** One line, in place of all the help. */
    private static int refuse(ParameterException e, String... args) {
        CommandLine command = e.getCommandLine();
        String text = ErrorText.firstLine(e.getMessage()).replaceFirst("^Error: ", "");
        if (!command.getSubcommands().isEmpty()) {
            text += ", allowed are " + String.join(", ", command.getSubcommands().keySet());
        }
        String name = command.getCommandSpec().qualifiedName();
        command.getErr().println("djl-flash: " + text + " (see: " + name + " --help)");
        return command.getCommandSpec().exitCodeOnInvalidInput();
    }

    /** One line, unless the trace is asked for. */
    private static int report(Exception e, CommandLine command, ParseResult parsed) {
        Object subcommand = command.getCommand();
        if (subcommand instanceof ModelCommand && ((ModelCommand) subcommand).wantsTrace()) {
            e.printStackTrace(command.getErr());
        } else {
            command.getErr().println("djl-flash: " + ErrorText.of(e));
        }
        return command.getCommandSpec().exitCodeOnExecutionException();
    }
}
