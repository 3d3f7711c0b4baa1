/** Tests of the benchmarks. */
package org.djlflash.examples.bench;
