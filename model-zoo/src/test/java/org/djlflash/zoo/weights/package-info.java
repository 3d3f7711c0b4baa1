/** Tests of weights. */
package org.djlflash.zoo.weights;
