/** Caches of keys and values for generating token by token. */
package org.djlflash.kv;
