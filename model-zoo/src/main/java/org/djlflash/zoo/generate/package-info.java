/** Generating text. */
package org.djlflash.zoo.generate;
