/** The list of shapes, the reference in double precision and GPU memory for the tests. */
package org.djlflash.cuda.testkit;
