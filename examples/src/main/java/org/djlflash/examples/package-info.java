/** Commands and examples. */
package org.djlflash.examples;
