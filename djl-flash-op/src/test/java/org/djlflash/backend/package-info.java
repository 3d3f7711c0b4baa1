/** Tests of what prepares arrays for the backends. */
package org.djlflash.backend;
