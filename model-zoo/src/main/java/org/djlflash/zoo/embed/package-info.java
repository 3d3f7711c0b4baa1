/** From texts to vectors: pooling of hidden states, as sentence-transformers stores and does it. */
package org.djlflash.zoo.embed;
