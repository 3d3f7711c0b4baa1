/** Training with DJL's own means: a language model, and a text classifier. */
package org.djlflash.examples.train;
