/** Implementations of attention, what each can do, and the choice among them. */
package org.djlflash.backend;
