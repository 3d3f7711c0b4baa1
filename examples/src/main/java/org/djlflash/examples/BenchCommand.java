package org.djlflash.examples;

import picocli.CommandLine.Command;

/** Measures our kernels beside PyTorch's; one subcommand a workload. */
@Command(
        name = "bench",
        description = "Measures our kernels beside PyTorch's, and what a call costs.",
        mixinStandardHelpOptions = true,
        subcommands = {
            BenchAttentionCommand.class,
            BenchDecodeCommand.class,
            BenchGenerationCommand.class,
            BenchTrainingCommand.class,
            BenchCallsCommand.class
        })
final class BenchCommand {}
