/** BERT from Hugging Face folders, on the attention operator. */
package org.djlflash.zoo.bert;
