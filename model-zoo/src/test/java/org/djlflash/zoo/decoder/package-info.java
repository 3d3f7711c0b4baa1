/** Tests of what decoders share. */
package org.djlflash.zoo.decoder;
