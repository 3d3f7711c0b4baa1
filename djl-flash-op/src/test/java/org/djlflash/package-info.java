/** Tests of the operator's facade. */
package org.djlflash;
