/**
 * Training in mixed precision with DJL's own trainer: FLOAT32 parameters, of which each step makes
 * 16-bit copies that autograd follows, an optimizer of few launches, layers that are computed again
 * in backward, and the loss of large vocabularies.
 */
package org.djlflash.train;
