/** Tests of BERT. */
package org.djlflash.zoo.bert;
