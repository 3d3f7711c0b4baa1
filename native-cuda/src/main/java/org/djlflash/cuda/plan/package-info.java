/**
 * From an attention problem to the kernels that solve it. Pure Java: no GPU and no native library
 * is needed to plan.
 */
package org.djlflash.cuda.plan;
