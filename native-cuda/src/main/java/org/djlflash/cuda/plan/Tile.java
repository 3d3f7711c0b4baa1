package org.djlflash.cuda.plan;

/**
 * How a kernel cuts its problem: the sizes that are compiled in. Immutable.
 *
 * @param blockM the queries of a block
 * @param blockN the keys of a block
 * @param warps the warps of a block
 * @param stages the buffers between which copying and computing alternate
 */
record Tile(int blockM, int blockN, int warps, int stages) {}
