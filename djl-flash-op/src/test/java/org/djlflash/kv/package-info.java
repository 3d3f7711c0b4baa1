/** Tests of the key-value cache. */
package org.djlflash.kv;
