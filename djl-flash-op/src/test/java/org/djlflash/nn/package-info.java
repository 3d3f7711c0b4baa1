/** Tests of the blocks, most of them against DJL's own. */
package org.djlflash.nn;
