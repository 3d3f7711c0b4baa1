/** Tests of choosing tokens. */
package org.djlflash.zoo.generate.sampling;
