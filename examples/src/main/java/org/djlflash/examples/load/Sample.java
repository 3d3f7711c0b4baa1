package org.djlflash.examples.load;

/**
 * What became of a request.
 *
 * @param kind its kind
 * @param milliseconds how long it took to the end of the answer
 * @param wrong what was wrong with the answer, or null
 */
public record Sample(Kind kind, double milliseconds, String wrong) {}
