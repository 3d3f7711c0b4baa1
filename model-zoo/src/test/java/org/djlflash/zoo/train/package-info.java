/** Tests of training the models. */
package org.djlflash.zoo.train;
