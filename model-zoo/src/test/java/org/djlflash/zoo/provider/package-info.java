/** Tests of how DJL loads our models. */
package org.djlflash.zoo.provider;
