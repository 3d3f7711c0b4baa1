/** Llama. */
package org.djlflash.zoo.llama;
