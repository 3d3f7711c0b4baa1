/**
 * Training in mixed precision with DJL's own trainer: FLOAT32 parameters, of which each step makes
 * 16-bit copies that autograd follows, and an optimizer of few launches.
 */
package org.djlflash.train;
