/** Blocks on the attention operator that replace DJL's own. */
package org.djlflash.nn;
