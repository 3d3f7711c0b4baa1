/** How well a language model predicts a text. */
package org.djlflash.zoo.evaluate;
