/** The command line and its subcommands, each a small example of the library. */
package org.djlflash.examples;
