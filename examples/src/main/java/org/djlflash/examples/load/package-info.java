/** Many clients of a server at once, good and bad, and what becomes of their requests. */
package org.djlflash.examples.load;
