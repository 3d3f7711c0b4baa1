/** Tests of the server, with clients that were written elsewhere. */
package org.djlflash.examples.serve;
