/** Tests of embeddings. */
package org.djlflash.zoo.embed;
