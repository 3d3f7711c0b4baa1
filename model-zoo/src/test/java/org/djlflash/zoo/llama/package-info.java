/** Tests of Llama. */
package org.djlflash.zoo.llama;
