/** Models and text generation. */
package org.djlflash.zoo;
