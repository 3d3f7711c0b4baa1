/** FlashAttention for Deep Java Library. */
package org.djlflash;
