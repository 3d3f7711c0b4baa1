/** Tests of the models, and what they share. */
package org.djlflash.zoo;
