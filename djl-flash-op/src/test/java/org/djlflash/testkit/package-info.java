/** References and helpers that the tests of all modules share. */
package org.djlflash.testkit;
