package org.djlflash.examples;

import picocli.CommandLine.Command;

/** Measures; one subcommand a workload. */
@Command(
        name = "bench",
        description =
                "Measures our kernels beside PyTorch's, what a call costs, and a server under load.",
        mixinStandardHelpOptions = true,
        subcommands = {
            BenchAttentionCommand.class,
            BenchDecodeCommand.class,
            BenchGenerationCommand.class,
            BenchTrainingCommand.class,
            BenchCallsCommand.class,
            BenchEmbeddingCommand.class,
            BenchServingCommand.class
        })
final class BenchCommand {}
