/**
 * CUDA kernels of attention: planning, compiling, launching; no dependency on DJL.
 *
 * <p>Start with {@link org.djlflash.cuda.launch.CudaLibrary} (is there a GPU), describe an {@link
 * org.djlflash.cuda.plan.AttentionProblem}, have it planned by {@link
 * org.djlflash.cuda.plan.AttentionPlanner}, and run the plan with {@link
 * org.djlflash.cuda.launch.AttentionLauncher}.
 */
package org.djlflash.cuda;
