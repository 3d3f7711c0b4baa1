/** Tests of {@code org.djlflash.cuda.config}. */
package org.djlflash.cuda.config;
