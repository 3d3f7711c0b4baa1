package org.djlflash.examples;

import picocli.CommandLine.Command;

/** Measures our kernels beside PyTorch's; one subcommand a workload. */
@Command(
        name = "bench",
        description = "Measures our kernels beside PyTorch's on the GPU at hand.",
        mixinStandardHelpOptions = true,
        subcommands = {BenchAttentionCommand.class, BenchDecodeCommand.class})
final class BenchCommand {}
