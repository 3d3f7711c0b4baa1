/** Tests of reading JSON. */
package org.djlflash.zoo.json;
