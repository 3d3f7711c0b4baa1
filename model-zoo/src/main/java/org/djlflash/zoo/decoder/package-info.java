/** What the language models that generate text have in common. */
package org.djlflash.zoo.decoder;
