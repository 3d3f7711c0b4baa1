/** Weights in the safetensors format, and how they reach the parameters of a block. */
package org.djlflash.zoo.weights;
