/** Tests of the load on a server. */
package org.djlflash.examples.load;
