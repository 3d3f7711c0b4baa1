/** Tests of {@code org.djlflash.cuda.launch}. */
package org.djlflash.cuda.launch;
