/** From the logits of a step to the next token: one rule a file. */
package org.djlflash.zoo.generate.sampling;
