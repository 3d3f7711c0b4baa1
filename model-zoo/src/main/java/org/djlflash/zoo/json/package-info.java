/** Reading the JSON files of a model folder without guessing. */
package org.djlflash.zoo.json;
