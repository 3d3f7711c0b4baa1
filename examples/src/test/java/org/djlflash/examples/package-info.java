/** The command line, run within the test. */
package org.djlflash.examples;
