/** Data sets and blocks of the trainings. */
package org.djlflash.examples.train;
