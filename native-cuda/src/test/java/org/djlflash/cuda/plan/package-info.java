/** Tests of {@code org.djlflash.cuda.plan}. */
package org.djlflash.cuda.plan;
