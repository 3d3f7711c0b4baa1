/** Tests of generating text. */
package org.djlflash.zoo.generate;
