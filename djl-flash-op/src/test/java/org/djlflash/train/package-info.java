/** Tests of training in mixed precision. */
package org.djlflash.train;
